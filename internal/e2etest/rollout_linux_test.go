package e2etest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"safelight/internal/trialschool"
)

// TestTheGuideEnrolsAWholeSchool types what docs/it-guide.md says, in its order: a
// server from nothing, an export, a token, and on each laptop the lines of "Plain apt
// and dnf" but for apt itself, which TestPackagesOnARealSystemd tries. Each laptop
// runs the real agent by the package's unit.
func TestTheGuideEnrolsAWholeSchool(t *testing.T) {
	needLaptops(t)
	devices := 20
	if os.Getenv("SAFELIGHT_ACCEPTANCE") != "" {
		devices = 300
	}
	r := newRollout(t, devices)
	began := time.Now()
	r.serves()
	r.typesAll(r.server[:r.at("token create")])
	r.counts("before the first", covered{Issued: devices + guests, Never: devices})
	r.makesToken()
	prepared := time.Since(began)

	began = time.Now()
	r.enrol(r.laptops[:devices-1])
	took := time.Since(began)
	last := r.laptops[devices-1]
	r.untilConnected(devices - 1)
	connected := time.Since(began)
	r.counts("with one missing", covered{Issued: devices + guests, Never: 1, Today: devices - 1})
	r.isNamed(last)

	r.enrol(r.laptops[devices-1 : devices])
	r.untilConnected(devices)
	r.counts("with all", covered{Issued: devices + guests, Today: devices})
	r.typesAll(r.server[r.at("coverage"):])
	r.tokenIsUsedUp()
	r.oneTooMany()
	t.Logf("%d real agents: the server and its list in %.1f s, %d enrolled in %.1f s (%d at a time) and all connected after %.1f s; their processor time %.1f s, the memory of one %d MB; the guide has %d of the collector's verbs typed, and %d lines on each device",
		devices, prepared.Seconds(), devices-1, took.Seconds(), atOnce, connected.Seconds(), r.cpu().Seconds(), r.memory>>20, len(r.server), len(r.onDevice)+2)
}

const (
	guests = 20 // as the guide expects them
	atOnce = 8  // laptops that are switched on together
)

// rollout is a school that is rolled out by the guide.
type rollout struct {
	t        *testing.T
	s        *trialschool.School
	unit     unit
	laptops  []*laptop // the last is in no export
	server   []string  // what the guide has typed on the server, in its order
	onDevice []string  // and on each device, before the package
	asks     string    // how a device is asked how it stands
	token    string
	dsl, it  string // their tokens for the command line
	memory   uint64 // of one agent, in bytes
}

func newRollout(t *testing.T, devices int) *rollout {
	t.Helper()
	dir := must[string](t)(os.MkdirTemp("", "sl-")) //nolint:usetesting // t.TempDir's paths are too long for sockets
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	check(t, trialschool.Decide(t.Context(), filepath.Join(dir, "collector")))
	r := &rollout{t: t, s: must[*trialschool.School](t)(trialschool.New(t.Context(), dir, bin)), unit: readUnit(t)}
	r.readGuide(devices)
	list := "Device name,Managed by,OS,Serial number,Primary user UPN\n"
	for n := range devices + 1 {
		l := newLaptop(t, r.s, n+1)
		if r.laptops = append(r.laptops, l); n < devices {
			list += fmt.Sprintf("%s,Invented,Linux,%s,demo.pupil.%d@school.example\n", l.name, l.serial, n+1)
		}
	}
	check(t, os.WriteFile(filepath.Join(dir, "devices.csv"), []byte(list), 0o600))
	t.Cleanup(r.switchOff)
	return r
}

// readGuide takes the commands out of the page.
func (r *rollout) readGuide(devices int) {
	r.t.Helper()
	page := string(must[[]byte](r.t)(os.ReadFile("../../docs/it-guide.md")))
	for _, m := range regexp.MustCompile(`(?m)^    runuser -u safelight-collector -- safelight-collector (.*)$`).FindAllStringSubmatch(page, -1) {
		r.server = append(r.server, m[1])
	}
	if at := r.at("token create"); !strings.Contains(r.server[at], "--uses 300") {
		r.t.Fatalf("the guide's token is for another number than 300: %s", r.server[at])
	} else {
		r.server[at] = strings.Replace(r.server[at], "--uses 300", fmt.Sprint("--uses ", devices), 1)
	}
	_, plain, _ := strings.Cut(page, "\n## Plain apt and dnf\n")
	block := regexp.MustCompile(`(?m)((?:^    .*\n)+)`).FindStringSubmatch(plain)
	if block == nil {
		r.t.Fatal("the guide has no lines to type on a device")
	}
	for line := range strings.Lines(block[1]) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "apt install "):
		case strings.HasSuffix(line, "safelight-agent status"):
			r.asks = line
		default:
			r.onDevice = append(r.onDevice, line)
		}
	}
	if r.asks == "" || len(r.onDevice) < 2 || !strings.Contains(strings.Join(r.onDevice, "\n"), "SL1...") {
		r.t.Fatalf("on a device the guide has typed %q and %q: does this test still see them?", r.onDevice, r.asks)
	}
}

// at is which of the server's commands begins so.
func (r *rollout) at(verb string) int {
	r.t.Helper()
	for i, line := range r.server {
		if strings.HasPrefix(line, verb) {
			return i
		}
	}
	r.t.Fatalf("the guide has no `%s`", verb)
	return 0
}

func (r *rollout) serves() {
	collector := must[*trialschool.Program](r.t)(r.s.StartCollector(r.t.Context()))
	r.t.Cleanup(func() { _ = collector.Stop() })
}

// types is a command of the guide's on the server.
func (r *rollout) types(line string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "sh", "-c", `"$0" `+line, r.s.Collector)
	cmd.Dir, cmd.Env = r.s.Dir, append(os.Environ(), "SAFELIGHT_DIR="+r.s.CollectorDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s: %v: %s", line, err, out)
	}
	return string(out)
}

// publishes does with two people, as a school past its trial, what the guide has the
// DSL of a trial do alone.
func (r *rollout) publishes(line string) {
	r.t.Helper()
	folder, _, ok := strings.Cut(strings.TrimPrefix(line, publish), ` --as "`+trialschool.DSLName+`" --reason `)
	if !ok {
		r.t.Fatalf("the guide publishes rules in another way: %s", line)
	}
	var made struct{ Proposal string }
	check(r.t, r.s.Ask(r.t.Context(), &made, "rules", "propose", filepath.Join(r.s.Dir, folder), "--as", r.it, "--reason", "First rules", "--necessity", "A test wants them"))
	r.types(publish + made.Proposal + " --as " + r.dsl + ` --reason "First rules"`)
}

const publish = "rules publish "

func (r *rollout) typesAll(lines []string) {
	r.t.Helper()
	for _, line := range lines {
		if strings.HasPrefix(line, publish) {
			r.publishes(line)
			continue
		}
		shown := strings.Fields(r.types(line))
		switch {
		case strings.HasPrefix(line, "user add ") && strings.HasSuffix(line, " dsl"):
			r.dsl = shown[len(shown)-1]
		case strings.HasPrefix(line, "user add "):
			r.it = shown[len(shown)-1]
		}
	}
}

// makesToken copies the token from the screen.
func (r *rollout) makesToken() {
	r.t.Helper()
	said := r.types(r.server[r.at("token create")])
	if r.token, _, _ = strings.Cut(said, "\n"); !strings.HasPrefix(r.token, "SL1.") {
		r.t.Fatalf("the first line is no token: %s", said)
	}
	if listed := r.types(r.server[r.at("token list")]); !strings.Contains(listed, "  main  works  ") {
		r.t.Errorf("the token is not listed as one that works for the site: %s", listed)
	}
}

// enrol switches laptops on, until each is enrolled.
func (r *rollout) enrol(all []*laptop) {
	r.t.Helper()
	check(r.t, someAtOnce(all, func(l *laptop) error {
		return l.installs(r.t.Context(), r.unit, r.lays(r.token), "enrolled by file")
	}))
}

func someAtOnce(all []*laptop, do func(*laptop) error) error {
	var at atomic.Int64
	var running sync.WaitGroup
	errs := make([]error, len(all))
	for range atOnce {
		running.Go(func() {
			for i := int(at.Add(1)) - 1; i < len(all); i = int(at.Add(1)) - 1 {
				errs[i] = do(all[i])
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// lays are the lines that lay the token down.
func (r *rollout) lays(token string) string {
	return strings.ReplaceAll(strings.Join(r.onDevice, "\n"), "SL1...", token)
}

// covered is what of the ledger is looked at.
type covered struct{ Issued, Today, Never, Unlisted int }

// read asks for the ledger.
func (r *rollout) read() (c covered) {
	r.t.Helper()
	var said struct {
		Issued int
		Kinds  []struct {
			SeenToday int `json:"seen_today"`
		}
		Devices []struct{ Why []struct{ Code string } }
	}
	check(r.t, r.s.Ask(r.t.Context(), &said, "coverage"))
	c.Issued = said.Issued
	for _, k := range said.Kinds {
		c.Today += k.SeenToday
	}
	for _, d := range said.Devices {
		for _, w := range d.Why {
			switch w.Code {
			case "never_enrolled":
				c.Never++
			case "not_listed":
				c.Unlisted++
			}
		}
	}
	return c
}

func (r *rollout) counts(when string, want covered) {
	r.t.Helper()
	check(r.t, trialschool.Until(r.t.Context(), fmt.Sprintf("coverage to say %+v, %s", want, when), func() (bool, string) {
		got := r.read()
		return got == want, fmt.Sprintf("%+v", got)
	}))
}

// untilConnected waits until so many devices are heard, and asks one how it stands,
// as the guide does.
func (r *rollout) untilConnected(n int) {
	r.t.Helper()
	check(r.t, trialschool.Until(r.t.Context(), fmt.Sprint(n, " devices to be heard"), func() (bool, string) {
		c := r.read()
		return c.Today == n, fmt.Sprintf("%+v", c)
	}))
	l := r.laptops[n-1]
	check(r.t, trialschool.Until(r.t.Context(), l.name+" to say that it is connected", func() (bool, string) {
		said, err := l.types(r.t.Context(), r.asks)
		return err == nil && regexp.MustCompile(`(?m)^connected +yes$`).MatchString(said), fmt.Sprint(said, err)
	}))
}

// isNamed finds the one that has not come, in the words of the verbs and on the page.
func (r *rollout) isNamed(l *laptop) {
	r.t.Helper()
	for _, verb := range []string{"coverage", "device list --all"} {
		if said := r.types(verb); !regexp.MustCompile(l.name + `\b.*was never enrolled`).MatchString(said) {
			r.t.Errorf("`%s` does not name %s, which has not come:\n%s", verb, l.name, said)
		}
	}
	if page := r.page("/devices"); !strings.Contains(page, l.name) || !strings.Contains(page, "It is issued, and was never enrolled.") {
		r.t.Errorf("Devices does not name %s:\n%s", l.name, page)
	}
}

// page is what IT sees in the console, signed in by the link that `user add` gave.
func (r *rollout) page(path string) string {
	r.t.Helper()
	const phrase = "demo console password 1"
	var it struct{ Link string }
	check(r.t, r.s.Ask(r.t.Context(), &it, "user", "add", "--name", "Demo IT 2", "--email", "it2@school.example", "--duty", "it"))
	client := &http.Client{
		Jar:       must[*cookiejar.Jar](r.t)(cookiejar.New(nil)),
		Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, // its own certificate, on loopback
	}
	read := func(resp *http.Response, err error) string {
		check(r.t, err)
		defer resp.Body.Close()
		body := must[[]byte](r.t)(io.ReadAll(resp.Body))
		if resp.StatusCode != http.StatusOK {
			r.t.Fatalf("%s: %s\n%s", resp.Request.URL.Path, resp.Status, body)
		}
		return string(body)
	}
	read(client.PostForm(it.Link, url.Values{"password": {phrase}, "confirm": {phrase}}))
	read(client.PostForm(r.s.ConsoleURL+"/sign-in", url.Values{"email": {"it2@school.example"}, "password": {phrase}}))
	return read(client.Get(r.s.ConsoleURL + path))
}

func (r *rollout) tokenIsUsedUp() {
	r.t.Helper()
	if said := r.types("token list"); said != "" {
		r.t.Errorf("tokens that work: %s", said)
	}
	if said := r.types("token list --all"); !strings.Contains(said, "used up") || !strings.Contains(said, fmt.Sprintf("  0 of %d left  ", len(r.laptops)-1)) {
		r.t.Errorf("all tokens: %s", said)
	}
}

// oneTooMany is a laptop that nobody counted: it says why it is refused and what to
// do, and doing it is enough.
func (r *rollout) oneTooMany() {
	r.t.Helper()
	l := r.laptops[len(r.laptops)-1]
	check(r.t, l.installs(r.t.Context(), r.unit, r.lays(r.token), "used as often as it may be"))
	said, err := l.types(r.t.Context(), r.asks)
	for _, want := range []string{"used as often as it may be: ask for a new one", "lay the file down again with a token that works", "/etc/safelight/enrol.conf"} {
		if err != nil || !strings.Contains(said, want) {
			r.t.Errorf("asked how it stands it does not say %q: %v\n%s", want, err, said)
		}
	}
	r.counts("with one too many", covered{Issued: len(r.laptops) - 1 + guests, Today: len(r.laptops) - 1})
	token, _, _ := strings.Cut(r.types("token create --site main --uses 1"), "\n")
	if out, err := l.types(r.t.Context(), r.lays(token)); err != nil {
		r.t.Fatalf("%v: %s", err, out)
	}
	r.untilConnected(len(r.laptops))
	r.counts("with one that nobody counted", covered{Issued: len(r.laptops) + guests, Today: len(r.laptops), Unlisted: 1})
}

// cpu is the processor time of all agents, which are connected and have rules, and
// keeps the memory of one.
func (r *rollout) cpu() (sum time.Duration) {
	r.t.Helper()
	for _, l := range r.laptops[:len(r.laptops)-1] {
		st := must[trialschool.AgentStatus](r.t)(r.s.Status(r.t.Context(), filepath.Join(l.root, "var/lib/safelight-agent")))
		if !st.Connected || st.Policy == nil || st.Policy.Serial != 1 {
			r.t.Errorf("%s is not connected, or judges nothing: %+v", l.name, st)
		}
		sum += time.Duration(st.CPUSeconds * float64(time.Second))
		r.memory = max(r.memory, st.MemoryBytes)
	}
	return sum
}

// switchOff ends every agent, and waits until it has ended. That one stops in time
// where hundreds do is not what is tested here.
func (r *rollout) switchOff() {
	_ = someAtOnce(r.laptops, func(l *laptop) error {
		if l.agent == nil {
			return nil
		}
		return l.agent.Stop()
	})
}
