package e2etest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"safelight/internal/trialschool"
)

// commandsOf are the commands of a page's ```sh blocks, line by line.
func commandsOf(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	check(t, err)
	var lines []string
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		lines = append(lines, strings.Split(strings.TrimSpace(m[1]), "\n")...)
	}
	return lines
}

// TestBackupDrillWorksAsItIsWritten follows docs/backup.md command by command,
// beside a running collector, with nothing changed but the four places.
func TestBackupDrillWorksAsItIsWritten(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("the drill is written for a shell")
	}
	s := newSchool(t)
	collector := must[*trialschool.Program](t)(s.StartCollector(t.Context()))
	t.Cleanup(func() { _ = collector.Stop() })
	must[string](t)(s.AddDSL(t.Context()))
	check(t, s.ImportPupil(t.Context(), "demo.pupil"))
	check(t, s.Publish(t.Context(), "../../packs"))
	check(t, s.Enrol(t.Context(), s.AgentDir(), "{}\n"))

	places := map[string]string{"STATE": s.CollectorDir()}
	for _, name := range []string{"BACKUPS", "SAFE", "DRILL"} {
		places[name] = filepath.Join(s.Dir, strings.ToLower(name))
		check(t, os.Mkdir(places[name], 0o700))
	}
	for _, key := range []string{"recovery.txt", "recovery.key"} { // taken offline
		check(t, os.Rename(filepath.Join(s.CollectorDir(), key), filepath.Join(places["SAFE"], key)))
	}
	script := "set -eu\n"
	set := 0
	for _, line := range commandsOf(t, "../../docs/backup.md") {
		name, _, isPlace := strings.Cut(line, "=/")
		if place, ok := places[name]; isPlace && ok {
			set++
			line = fmt.Sprintf("%s='%s'", name, place)
		}
		if strings.HasPrefix(line, "rm ") {
			script += "ls \"$DRILL/restored\"\n" // seen before it is thrown away
		}
		script += line + "\n"
	}
	if set != len(places) || !strings.Contains(script, " restore ") {
		t.Fatalf("the drill names %d of %d places; is this still the page?\n%s", set, len(places), script)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("following the drill: %v\n%s", err, out)
	}
	for _, want := range []string{"Read back and whole", "Every digest and count agrees", trialschool.DSLEmail, "1.1", "last seen never", "collector.yaml"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the drill does not print %q:\n%s", want, out)
		}
	}
	if _, err := os.Stat(filepath.Join(places["DRILL"], "restored")); !os.IsNotExist(err) {
		t.Errorf("the drill leaves its copy behind: %v", err)
	}
}

// A restored collector is one: the device that was enrolled with the first
// connects to it, and judges by its rules, though its own were newer.
func TestFleetFollowsARestoredCollector(t *testing.T) {
	s := newSchool(t)
	collector := must[*trialschool.Program](t)(s.StartCollector(t.Context()))
	must[string](t)(s.AddDSL(t.Context()))
	check(t, s.Publish(t.Context(), writeRules(t, s.Dir, "one.example", "high")))
	check(t, s.Enrol(t.Context(), s.AgentDir(), "{}\n"))
	agent := must[*trialschool.Program](t)(s.StartAgent(t.Context(), s.AgentDir()))
	t.Cleanup(func() { _ = agent.Stop() })
	check(t, s.UntilReady(t.Context(), s.AgentDir()))

	file := filepath.Join(s.Dir, "b.safelight-backup")
	var taken struct {
		Rows map[string]int64 `json:"rows"`
	}
	check(t, s.Ask(t.Context(), &taken, "backup", file))
	// After the backup the rules change, and the device follows.
	check(t, s.Publish(t.Context(), writeRules(t, s.Dir, "two.example", "high")))
	check(t, trialschool.Until(t.Context(), "the device to have the second rules", func() (bool, string) {
		st, err := s.Status(t.Context(), s.AgentDir())
		return err == nil && st.Policy != nil && st.Policy.Serial == 2, fmt.Sprintf("%+v %v", st.Policy, err)
	}))
	check(t, collector.Stop())

	old := s.CollectorDir()
	lost := filepath.Join(s.Dir, "lost")
	check(t, os.Rename(old, lost))
	out := must[[]byte](t)(trialschool.Once(t.Context(), s.Collector, "restore", file, "--json",
		"--recovery-key", filepath.Join(lost, "recovery.txt"), "--dir", old))
	var restored struct {
		Rows  map[string]int64 `json:"rows"`
		Epoch uint64           `json:"policy_epoch"`
	}
	check(t, json.Unmarshal(out, &restored))
	if len(taken.Rows) == 0 || fmt.Sprint(taken.Rows) != fmt.Sprint(restored.Rows) {
		t.Errorf("restored %v, of %v", restored.Rows, taken.Rows)
	}
	collector = must[*trialschool.Program](t)(s.StartCollector(t.Context()))
	t.Cleanup(func() { _ = collector.Stop() })
	if restored.Epoch != 2 {
		t.Errorf("the restore began policy epoch %d, want 2", restored.Epoch)
	}
	check(t, trialschool.Until(t.Context(), "the device to follow the new epoch", func() (bool, string) {
		st, err := s.Status(t.Context(), s.AgentDir())
		return err == nil && st.Connected && st.Policy != nil && st.Policy.Epoch == 2, fmt.Sprintf("%+v %v", st, err)
	}))
}
