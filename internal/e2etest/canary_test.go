package e2etest

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"safelight/internal/logging"
	"safelight/internal/mailbox"
	"safelight/internal/trialschool"
)

// canary is something that must be nowhere but where it is allowed.
type canary struct {
	what, text string
	allowed    []string // places that begin like this
}

// place is somewhere that a canary could have got to.
type place struct {
	name string
	data []byte
}

// leaks finds canaries where they are not allowed, in any case and in the
// encodings that programs use by themselves.
func leaks(canaries []canary, places []place) (found []string) {
	for _, p := range places {
		lower := bytes.ToLower(p.data)
		for _, c := range canaries {
			if anyPrefix(p.name, c.allowed) {
				continue
			}
			for encoding, form := range forms(c.text) {
				text := lower
				if encoding == "base64" {
					text = p.data
				}
				if bytes.Contains(text, form) {
					found = append(found, fmt.Sprintf("%s (%s) is in %s", c.what, encoding, p.name))
					break
				}
			}
		}
	}
	return found
}

func forms(text string) map[string][]byte {
	lower := strings.ToLower(text)
	var wide []byte
	for _, b := range []byte(lower) {
		wide = append(wide, b, 0)
	}
	whole := []byte(text)[:len(text)/3*3]
	return map[string][]byte{
		"as it is": []byte(lower), "hex": []byte(hex.EncodeToString([]byte(lower))), "UTF-16": wide,
		"escaped": []byte(strings.ToLower(url.QueryEscape(text))), "base64": []byte(base64.StdEncoding.EncodeToString(whole)),
	}
}

func anyPrefix(name string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// under reads every file of a folder, with its name, and the names too.
func under(t *testing.T, called, dir string) (places []place) {
	t.Helper()
	check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := called + "/" + strings.TrimPrefix(strings.TrimPrefix(path, dir), "/")
		places = append(places, place{rel + " (its name)", []byte(rel)})
		if !d.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was temporary
		}
		places = append(places, place{rel, data})
		return err
	}))
	return places
}

// watched is a school whose every way out is written down.
type watched struct {
	t        *testing.T
	s        *trialschool.School
	places   []place
	canaries []canary
	mails    chan mailbox.Message
	log      string
	link     string // the DSL's, once
	token    string // the DSL's sign-in token
}

// The canaries in what is seen and in who is seen. Any may be in the agent's own
// spool, which a device keeps for two days.
const (
	canarySite    = "canary-site.flagged.example"
	canaryPerson  = "canary-account"
	canaryCalled  = "Canary-Name Invented"
	canaryUnknown = "canary-stranger"
	consolePhrase = "canary console password 1"
	mailPassword  = "canary-mail-password"
)

func (w *watched) secret(what, text string, allowed ...string) {
	w.t.Helper()
	if len(text) < 10 {
		w.t.Fatalf("%s is %q: too short to look for", what, text)
	}
	w.canaries = append(w.canaries, canary{what, text, allowed})
}

func (w *watched) note(name string, data []byte) {
	if len(data) == 0 {
		w.t.Errorf("%s is empty: this test proves nothing there", name)
	}
	w.places = append(w.places, place{name, data})
}

// verb runs a verb, writes down what it printed, and returns it.
func (w *watched) verb(args ...string) []byte {
	w.t.Helper()
	out := must[[]byte](w.t)(w.s.Verb(w.t.Context(), args...))
	w.note("verb "+strings.Join(args[:min(2, len(args))], " "), out)
	return out
}

func watch(t *testing.T) *watched {
	t.Helper()
	s := newSchool(t)
	s.LogLevel = "debug"
	w := &watched{t: t, s: s, mails: make(chan mailbox.Message, 16), log: filepath.Join(s.Dir, "access.log")}
	check(t, os.WriteFile(w.log, nil, 0o600))
	w.mailServer()
	for what, text := range map[string]string{"the site": canarySite, "the account": canaryPerson, "the name": "canary-name", "an unknown account": canaryUnknown} {
		w.secret(what, text, "agent/spool/")
	}
	w.secret("the console's password", consolePhrase)
	w.secret("the mail password", mailPassword, "collector/mail-password")
	return w
}

// mailServer wants TLS and the password.
func (w *watched) mailServer() {
	t, s := w.t, w.s
	borrowed := httptest.NewTLSServer(nil)
	config, cert := borrowed.TLS.Clone(), borrowed.Certificate()
	borrowed.Close()
	config.MinVersion, config.NextProtos = tls.VersionTLS12, nil
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	box := must[*mailbox.Server](t)(mailbox.Serve(l, mailbox.Config{
		Dir: filepath.Join(s.Dir, "mailbox"), TLS: config, User: "safelight", Password: mailPassword,
		Announce: func(m mailbox.Message) { w.mails <- m }, Now: time.Now, Log: logging.Discard(),
	}))
	t.Cleanup(func() { _ = box.Close(t.Context()) })
	ca, password := filepath.Join(s.CollectorDir(), "mail-ca.crt"), filepath.Join(s.CollectorDir(), "mail-password")
	check(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o600))
	check(t, os.WriteFile(password, []byte(mailPassword+"\n"), 0o600))
	s.Mail = fmt.Sprintf("{host: 127.0.0.1, port: %d, tls: starttls, user: safelight, password_file: %q, ca_file: %q, from: safelight@trial-school.example}",
		l.Addr().(*net.TCPAddr).Port, password, ca)
}

// school sets the school up as an administrator does.
func (w *watched) school() (agent, collector *trialschool.Program) {
	t, s, ctx := w.t, w.s, w.t.Context()
	collector = must[*trialschool.Program](t)(s.StartCollector(ctx))
	var dsl struct{ Link, Token string }
	check(t, s.Ask(ctx, &dsl, "user", "add", "--name", trialschool.DSLName, "--email", trialschool.DSLEmail, "--duty", "dsl"))
	w.link, w.token = dsl.Link, dsl.Token
	w.secret("the one-time link", dsl.Link[strings.LastIndex(dsl.Link, "/")+1:])
	w.secret("the sign-in token", dsl.Token)
	roster := filepath.Join(s.Dir, "pupils.csv")
	check(t, os.WriteFile(roster, []byte("account,name,role,year\n"+canaryPerson+","+canaryCalled+",pupil,9\ndemo.pupil,Demo Pupil,pupil,9\n"), 0o600))
	w.verb("roster", "import", roster)
	check(t, s.Publish(ctx, writeRules(t, s.Dir, "flagged.example", "high")))
	var token struct{ Token string }
	check(t, s.Ask(ctx, &token, "token", "create", "--uses", "1"))
	w.secret("the enrolment token", token.Token)
	must[[]byte](t)(trialschool.Once(ctx, s.Agent, "enrol", "--as-new", "--dir", s.AgentDir(), "--token", token.Token))
	check(t, os.WriteFile(filepath.Join(s.AgentDir(), "agent.yaml"), fmt.Appendf(nil, "weblog: [{format: squid, path: %q}]\n", w.log), 0o600))
	agent = must[*trialschool.Program](t)(s.StartAgent(ctx, s.AgentDir()))
	check(t, s.UntilReady(ctx, s.AgentDir()))
	return agent, collector
}

// told waits for a mail and writes it down whole, head and text.
func (w *watched) told() {
	w.t.Helper()
	select {
	case m := <-w.mails:
		w.note("mail", must[[]byte](w.t)(os.ReadFile(m.Path)))
	case <-time.After(trialschool.Patience):
		w.t.Fatal("no mail")
	}
}

// console signs in, reads the alert and uncovers its words, as a browser does.
// What is uncovered on purpose is the only page that may show it.
func (w *watched) console() {
	t, s := w.t, w.s
	jar := must[*cookiejar.Jar](t)(cookiejar.New(nil))
	client := &http.Client{Jar: jar, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true, // its own certificate, on loopback
	}}
	visit := func(name, method, target string, form url.Values) string {
		r := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form.Encode())))
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		resp := must[*http.Response](t)(client.Do(r))
		defer resp.Body.Close()
		body := must[[]byte](t)(io.ReadAll(resp.Body))
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s\n%s", name, resp.Status, body)
		}
		var head bytes.Buffer
		check(t, resp.Header.Write(&head))
		w.note("address of "+name, []byte(resp.Request.URL.String()))
		w.note("head of "+name, head.Bytes())
		w.note("page "+name, body)
		return string(body)
	}
	visit("set", http.MethodPost, w.link, url.Values{"password": {consolePhrase}, "confirm": {consolePhrase}})
	visit("in", http.MethodPost, s.ConsoleURL+"/sign-in", url.Values{"email": {trialschool.DSLEmail}, "password": {consolePhrase}})
	today := visit("today", http.MethodGet, s.ConsoleURL+"/", nil)
	refs := regexp.MustCompile(`href="/a/([0-9A-Z]{8})"`).FindAllStringSubmatch(today, -1)
	if len(refs) == 0 {
		t.Fatalf("no alert on\n%s", today)
	}
	uncovered := ""
	for _, m := range refs {
		at := s.ConsoleURL + "/a/" + m[1]
		visit("alert", http.MethodGet, at, nil)
		uncovered += visit("name uncovered", http.MethodPost, at+"/name", url.Values{"from": {"alert"}})
		uncovered += visit("words uncovered", http.MethodPost, at+"/words", url.Values{})
	}
	if !strings.Contains(uncovered, canarySite) || !strings.Contains(uncovered, canaryCalled) {
		t.Error("no page shows the canaries even when asked to: this test proves nothing")
	}
	for i := range w.canaries {
		if w.canaries[i].allowed != nil && w.canaries[i].allowed[0] == "agent/spool/" {
			w.canaries[i].allowed = append(w.canaries[i].allowed, "page name uncovered", "page words uncovered")
		}
	}
	w.note("health", []byte("health: "+visit("metrics", http.MethodGet, s.MetricsURL+"/metrics", nil)))
	visit("ready", http.MethodGet, s.MetricsURL+"/readyz", nil)
}

// keysOf makes a canary of every private key, allowed in its own file alone.
func (w *watched) keysOf(called, dir string) {
	n := 0
	for _, p := range under(w.t, called, dir) {
		if strings.HasSuffix(p.name, "(its name)") {
			continue
		}
		for _, m := range regexp.MustCompile(`AGE-SECRET-KEY-1[0-9A-Z]+|"secret": "[A-Za-z0-9+/=]{40,}|-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=]{40,}`).FindAllString(string(p.data), -1) {
			n++
			w.secret("a key of "+p.name, m[strings.LastIndexAny(m, "\"\n")+1:], p.name)
		}
	}
	if n == 0 {
		w.t.Errorf("no key found under %s: does this test still know how they look?", called)
	}
}

// arguments are what every user of the machine can read of a program.
func (w *watched) arguments(p *trialschool.Program) {
	if runtime.GOOS != "linux" {
		return
	}
	for _, file := range []string{"cmdline", "environ"} {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.Pid(), file))
		check(w.t, err)
		w.note("arguments", data)
	}
}

func TestG11CanariesAreNowhereButWhereTheyAreAllowed(t *testing.T) {
	w := watch(t)
	s, ctx := w.s, t.Context()
	agent, collector := w.school()
	appendLine(t, w.log, canarySite, canaryPerson)
	appendLine(t, w.log, canarySite, canaryUnknown)
	appendLine(t, w.log, "n1.flagged.example", "demo.pupil")
	w.told()
	w.told()
	untilStored(t, s, "n1.flagged.example")
	w.console()
	w.arguments(agent)
	w.arguments(collector)

	// What an administrator does.
	backup := filepath.Join(s.Dir, "backups")
	check(t, os.Mkdir(backup, 0o700))
	for _, what := range []string{"policy", "issuing"} {
		w.verb("key", "rotate", what)
	}
	w.keysOf("collector", s.CollectorDir()) // the sealing secret of now, which the erasure below destroys
	w.verb("backup", filepath.Join(backup, "one.safelight-backup"))
	w.verb("token", "list", "--all", "--json")
	w.verb("device", "list", "--json")
	w.verb("user", "list", "--json")
	w.verb("rules", "history", "--json")
	w.verb("alerts", "--as", trialschool.DSLName, "--json")
	w.verb("retention", "run", "--dry-run")
	w.verb("audit", "verify")
	w.verb("audit", "export", filepath.Join(s.Dir, "record.jsonl"), "--as", trialschool.DSLName)
	w.note("record", must[[]byte](t)(os.ReadFile(filepath.Join(s.Dir, "record.jsonl"))))
	status := must[[]byte](t)(trialschool.Once(ctx, s.Agent, "status", "--dir", s.AgentDir(), "--json"))
	w.note("agent's status", status)
	// The files while it runs, write-ahead log and all, then once it was killed,
	// started again, and stopped.
	w.places = append(w.places, under(t, "collector", s.CollectorDir())...)
	w.note("collector's log, first", []byte(strings.Join(collector.Log(), "\n")))
	collector.Kill()
	collector = must[*trialschool.Program](t)(s.StartCollector(ctx))
	appendLine(t, w.log, "n2.flagged.example", "demo.pupil")
	untilStored(t, s, "n2.flagged.example")
	must[[]byte](t)(s.Verb(ctx, "subject", "erase", canaryUnknown, "--as", trialschool.DSLName, "--reason", "Asked for"))
	check(t, agent.Stop())
	check(t, collector.Stop())
	w.keysOf("collector", s.CollectorDir())
	w.keysOf("agent", s.AgentDir())
	w.note("collector's log", []byte(strings.Join(collector.Log(), "\n")))
	w.note("agent's log", []byte(strings.Join(agent.Log(), "\n")))
	w.note("job queue", []byte(jobs(t, s)))
	for called, dir := range map[string]string{"collector": s.CollectorDir(), "agent": s.AgentDir(), "backups": backup} {
		w.places = append(w.places, under(t, called, dir)...)
	}
	w.restored(backup)
	for _, leak := range leaks(w.canaries, w.places) {
		t.Error(leak)
	}
	t.Logf("looked for %d canaries in %d places", len(w.canaries), len(w.places))
	w.canBeFound()
}

// restored looks into the backup itself, opened: it holds no recovery key, nothing
// that opens its names and words, and none of those.
func (w *watched) restored(backup string) {
	dir := filepath.Join(w.s.Dir, "restored")
	must[[]byte](w.t)(trialschool.Once(w.t.Context(), w.s.Collector, "restore", filepath.Join(backup, "one.safelight-backup"),
		"--recovery-key", filepath.Join(w.s.CollectorDir(), "recovery.txt"), "--dir", dir))
	for i := range w.canaries { // a certificate's key lies where it lay
		for _, own := range w.canaries[i].allowed {
			if rest, ok := strings.CutPrefix(own, "collector/"); ok && rest != "sealing.key" {
				w.canaries[i].allowed = append(w.canaries[i].allowed, "restored/"+rest)
				break
			}
		}
	}
	for _, p := range under(w.t, "restored", dir) {
		if strings.HasSuffix(p.name, "recovery.txt") || strings.HasSuffix(p.name, "recovery.key") {
			w.t.Errorf("the backup holds %s", p.name)
		}
		w.places = append(w.places, p)
	}
}

// canBeFound plants a leak of each canary in each kind of place and way, to show
// that this test can fail.
func (w *watched) canBeFound() {
	for _, c := range w.canaries {
		for encoding, form := range forms(c.text) {
			for _, name := range []string{"collector's log", "mail", "job queue", "record", "collector/safelight.db-wal", "page today", "backups/one.safelight-backup"} {
				planted := place{name, append([]byte("something before it "), form...)}
				if len(leaks([]canary{c}, []place{planted})) != 1 {
					w.t.Errorf("%s, planted in %s (%s), is not found", c.what, name, encoding)
				}
			}
		}
		if len(c.allowed) > 0 && len(leaks([]canary{c}, []place{{c.allowed[0] + "x", []byte(c.text)}})) != 0 {
			w.t.Errorf("%s is not allowed in its own place %s", c.what, c.allowed[0])
		}
	}
	for what, dir := range map[string]string{"collector": w.s.CollectorDir(), "agent": w.s.AgentDir()} {
		path := filepath.Join(dir, "planted.json")
		check(w.t, os.WriteFile(path, []byte(`{"name":"`+canarySite+`"}`), 0o600))
		if len(leaks(w.canaries, under(w.t, what, dir))) == 0 {
			w.t.Errorf("a file planted in the %s's folder is not found", what)
		}
	}
	var seen bool
	for _, p := range under(w.t, "agent", filepath.Join(w.s.AgentDir())) {
		seen = seen || bytes.Contains(p.data, []byte(canarySite))
	}
	if !seen {
		w.t.Error("the spool does not hold the canary: does this test still look at bytes that can be read?")
	}
}
