package e2etest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"safelight/internal/trialschool"
)

// guides are the pages whose commands people type.
var guides = []string{
	"README.md", "docs/it-guide.md", "installer/linux/README.md", "installer/container/README.md", "installer/policies/README.md",
	"installer/windows/README.md", "installer/macos/README.md",
}

var (
	// A command: a program of ours at its beginning or behind one, such as runuser.
	commandIn = regexp.MustCompile("(?:^|[\\s`\"/\\\\(])(safelight-(?:agent|collector|browser-policies))(?:\\.exe)?\"? ([a-z][a-z]*(?: [^`|;)<>\n]*)?)")
	flagIn    = regexp.MustCompile(`(?:^|\s)--?([a-z][a-z-]*)`)
)

// A command that the guide has wrong is typed 300 times.
func TestTheGuidesCommandsAreTrue(t *testing.T) {
	help := map[string]string{}
	policies := filepath.Join(t.TempDir(), "safelight-browser-policies")
	if out, err := exec.Command("go", "build", "-o", policies, "../../installer/policies/merge").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ask := func(program string, args ...string) (string, bool) {
		path := filepath.Join(bin, program)
		if program == "safelight-browser-policies" {
			path = policies
		}
		key := program + " " + strings.Join(args, " ")
		if said, known := help[key]; known {
			return said, said != ""
		}
		out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
		if err != nil {
			out = nil
		}
		help[key] = string(out)
		return help[key], err == nil
	}
	looked := 0
	for _, page := range guides {
		text, err := os.ReadFile(filepath.Join("../..", page))
		check(t, err)
		for _, m := range commandIn.FindAllStringSubmatch(string(text), -1) {
			program, rest := m[1], strings.Fields(m[2])
			said, ok := ask(program, rest[0], "--help")
			if !ok && len(rest) > 1 {
				said, ok = ask(program, rest[0], rest[1], "--help")
			}
			if !ok {
				t.Errorf("%s: %q: %s has no such verb", page, strings.TrimSpace(m[0]), program)
				continue
			}
			for _, f := range flagIn.FindAllStringSubmatch(m[2], -1) {
				if !strings.Contains(said, "\n  -"+f[1]+" ") && !strings.Contains(said, "\n  -"+f[1]+"\n") && f[1] != "help" {
					t.Errorf("%s: %q: there is no flag --%s", page, strings.TrimSpace(m[0]), f[1])
				}
			}
			looked++
		}
	}
	if looked < 30 {
		t.Errorf("only %d commands were found: does this test still see them?", looked)
	}
}

// What the guide has IT type on the server is typed here, in its order.
func TestTheGuidesCommandsOnTheServerWork(t *testing.T) {
	text, err := os.ReadFile("../../docs/it-guide.md")
	check(t, err)
	lines := regexp.MustCompile(`(?m)^    runuser -u safelight-collector -- safelight-collector (.*)$`).FindAllStringSubmatch(string(text), -1)
	if len(lines) < 10 {
		t.Fatalf("%d commands: does this test still see them?", len(lines))
	}
	s := newSchool(t)
	collector := must[*trialschool.Program](t)(s.StartCollector(t.Context()))
	check(t, os.WriteFile(filepath.Join(s.Dir, "devices.csv"), []byte("Serial number,Device name,Device type\nDEMO0001,demo-laptop-1,windows\n"), 0o600))
	for _, l := range lines {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `"$0" `+l[1], s.Collector)
		cmd.Dir, cmd.Env = s.Dir, append(os.Environ(), "SAFELIGHT_DIR="+s.CollectorDir())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", l[1], err, out)
		}
	}
	check(t, collector.Stop())
}

// The relays are started as the guide says them, but for the ports.
func TestThroughTheGuidesRelaysEventsArrive(t *testing.T) {
	if testing.Short() {
		t.Skip("long: a school for each relay")
	}
	text, err := os.ReadFile("../../docs/it-guide.md")
	check(t, err)
	const inGuide, listens = "10.99.0.2:7443", "bind :7443"
	for name, start := range map[string]func(t *testing.T, from, to string) *exec.Cmd{
		"haproxy": func(t *testing.T, from, to string) *exec.Cmd {
			block := regexp.MustCompile("(?s)```haproxy\n(.*?)```").FindStringSubmatch(string(text))
			if block == nil || !strings.Contains(block[1], listens) || !strings.Contains(block[1], inGuide) {
				t.Fatal("the guide has no configuration for HAProxy, or another port")
			}
			conf := strings.NewReplacer(listens, "bind "+from, inGuide, to).Replace(block[1])
			file := filepath.Join(t.TempDir(), "haproxy.cfg")
			check(t, os.WriteFile(file, []byte(conf), 0o600))
			return exec.CommandContext(t.Context(), "haproxy", "-db", "-f", file)
		},
		"systemd-socket-activate": func(t *testing.T, from, to string) *exec.Cmd {
			proxyd := regexp.MustCompile(`(?m)^ExecStart=(\S+) ` + regexp.QuoteMeta(inGuide) + `$`).FindStringSubmatch(string(text))
			if proxyd == nil {
				t.Fatal("the guide has no unit for systemd-socket-proxyd")
			}
			return exec.CommandContext(t.Context(), "systemd-socket-activate", "--listen="+from, proxyd[1], to)
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(name); err != nil {
				t.Skipf("SKIPPED: needs %s", name)
			}
			s := newSchool(t)
			ports := must[[]string](t)(trialschool.FreePorts(1))
			s.Through = "127.0.0.1:" + ports[0]
			relay := start(t, s.Through, s.AgentsAddr)
			relay.Cancel = func() error { return relay.Process.Signal(os.Interrupt) }
			relay.WaitDelay = 10 * time.Second
			relay.Stderr = os.Stderr
			check(t, relay.Start())
			t.Cleanup(func() { _ = relay.Cancel(); _ = relay.Wait() })
			check(t, trialschool.Until(t.Context(), "the relay to listen", func() (bool, string) {
				conn, err := net.Dial("tcp", s.Through)
				if err != nil {
					return false, err.Error()
				}
				return conn.Close() == nil, ""
			}))
			log := filepath.Join(s.Dir, "access.log")
			check(t, os.WriteFile(log, nil, 0o600))
			agent, collector := startSchool(t, s, log)
			appendLine(t, log, "n1.flagged.example", "demo.pupil")
			untilStored(t, s, "n1.flagged.example")
			check(t, agent.Stop())
			check(t, collector.Stop())
		})
	}
}

// What the guide points to must be there, and what it hands to Windows' installer
// must be a property that the package takes.
func TestTheGuideNamesWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("../../docs/it-guide.md")
	check(t, err)
	named := regexp.MustCompile("`((?:installer|docs)/[^`*:]+?)`|\\]\\(([a-z][a-z0-9./-]*\\.md)\\)").FindAllStringSubmatch(string(text), -1)
	for _, m := range named {
		path := m[1]
		if path == "" {
			path = "docs/" + m[2]
		}
		if _, err := os.Stat(filepath.Join("../..", path)); err != nil {
			t.Errorf("it names %s: %v", path, err)
		}
	}
	build, err := os.ReadFile("../../installer/windows/build")
	check(t, err)
	taken := regexp.MustCompile(`(?m)^\tsecure='([A-Z;]+)'$`).FindSubmatch(build)
	if taken == nil {
		t.Fatal("installer/windows/build no longer says which properties it takes: read them here as it writes them")
	}
	properties := regexp.MustCompile(`\b([A-Z]{3,})=`).FindAllStringSubmatch(string(text), -1)
	for _, m := range properties {
		if !strings.Contains(";"+string(taken[1])+";", ";"+m[1]+";") {
			t.Errorf("%s is no property of the agent's package, which takes %s", m[1], taken[1])
		}
	}
	if len(named) < 8 || len(properties) < 3 {
		t.Errorf("%d names and %d properties: does this test still see them?", len(named), len(properties))
	}
}
