package e2etest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"safelight/internal/trialschool"
)

// aboutVerb is what anybody on the device is told.
func aboutVerb(t *testing.T, s *trialschool.School) string {
	t.Helper()
	return strings.Join(strings.Fields(string(must[[]byte](t)(trialschool.Once(t.Context(), s.Agent, "about", "--dir", s.AgentDir())))), " ")
}

func untilAbout(t *testing.T, s *trialschool.School, want string) {
	t.Helper()
	check(t, trialschool.Until(t.Context(), "the About page to say "+want, func() (bool, string) {
		said := aboutVerb(t, s)
		return strings.Contains(said, want), said
	}))
}

// aboutPage is what a browser is given.
func aboutPage(t *testing.T, s *trialschool.School, path string) (string, http.Header) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	resp := must[*http.Response](t)(client.Get("https://" + s.PublicAddr + path))
	defer resp.Body.Close()
	body := must[[]byte](t)(io.ReadAll(resp.Body))
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s\n%s", path, resp.Status, body)
	}
	return string(body), resp.Header
}

func TestD20EveryDeviceSaysWhatItsSchoolRecordsOfflineToo(t *testing.T) {
	s := newSchool(t)
	log := filepath.Join(s.Dir, "access.log")
	check(t, os.WriteFile(log, nil, 0o600))
	if said := aboutVerb(t, s); !strings.Contains(said, "has not heard from its school yet") || !strings.Contains(said, "0800 1111") {
		t.Errorf("before it is enrolled it says:\n%s", said)
	}
	agent, collector := startSchool(t, s, log)
	untilAbout(t, s, "Trial school: what Safelight does on this device")
	for _, want := range []string{"0800 1111", "Something is worrying me: https://", "Numbered sites: Sites that only this test visits.", "Searches are not seen", "This is a trial", "(the DSL)."} {
		if said := aboutVerb(t, s); !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}

	// A wider rule shows on every device, and on the page, as soon as it is in force (G7).
	rules := writeRules(t, s.Dir, "flagged.example", "high")
	file := filepath.Join(rules, "numbered.yaml")
	text := string(must[[]byte](t)(os.ReadFile(file)))
	check(t, os.WriteFile(file, []byte(strings.Replace(text, "Sites that only this test visits.", "Sites that this test visits more often.", 1)), 0o600))
	check(t, s.Publish(t.Context(), rules))
	untilAbout(t, s, "Sites that this test visits more often.")
	page, header := aboutPage(t, s, "/")
	if !strings.Contains(page, "Sites that this test visits more often.") || header.Get("Set-Cookie") != "" {
		t.Errorf("the page does not follow, or sets a cookie: %v\n%s", header, page)
	}
	if worry, _ := aboutPage(t, s, "/worry"); !strings.Contains(worry, "Talk to someone at school") || strings.Contains(worry, "<form") {
		t.Errorf("behind the link stands:\n%s", worry)
	}

	check(t, collector.Stop())
	for _, line := range append(collector.Log(), agent.Log()...) {
		if strings.Contains(line, "/worry") || strings.Contains(line, s.PublicAddr) {
			t.Errorf("who read the page is logged (G11): %s", line)
		}
	}
	check(t, agent.Stop())
	if said := aboutVerb(t, s); !strings.Contains(said, "Sites that this test visits more often.") {
		t.Errorf("with neither a collector nor an agent it says:\n%s", said)
	}
}

// No key of either program's configuration, and no flag of the agent's, keeps the
// page or its copy from anybody.
func TestD20NothingSwitchesTheNoticeOff(t *testing.T) {
	s := newSchool(t)
	for _, conf := range []string{`listen: {public: ""}`, `listen: {public: off}`, `about: {enabled: false}`, `about: {hidden: true}`, `about: off`} {
		check(t, os.WriteFile(filepath.Join(s.CollectorDir(), "collector.yaml"), []byte(conf+"\n"), 0o600))
		if out, err := trialschool.Once(t.Context(), s.Collector, "serve", "--dir", s.CollectorDir()); err == nil {
			t.Errorf("the collector serves with %s: %s", conf, out)
		}
	}
	for _, conf := range []string{"about: {enabled: false}", "notice: false", "stealth: true"} {
		check(t, errors.Join(os.MkdirAll(s.AgentDir(), 0o700), os.WriteFile(filepath.Join(s.AgentDir(), "agent.yaml"), []byte(conf+"\n"), 0o600)))
		if out, err := trialschool.Once(t.Context(), s.Agent, "run", "--dir", s.AgentDir()); err == nil {
			t.Errorf("the agent runs with %s: %s", conf, out)
		}
	}
	help := fmt.Sprint(string(must[[]byte](t)(trialschool.Once(t.Context(), s.Agent, "run", "--help"))))
	for _, never := range []string{"quiet", "hidden", "stealth", "silent", "notice", "about"} {
		if strings.Contains(help, "--"+never) {
			t.Errorf("run has a flag --%s:\n%s", never, help)
		}
	}
}
