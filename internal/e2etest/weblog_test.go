package e2etest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"safelight/internal/trialschool"
)

// A filter's log on its whole way: what it refused arrives as an attempt (G10),
// and yesterday's lines, which stood in the log when it was first followed,
// raise nothing.
func TestG10AFiltersLogSaysWhatItRefused(t *testing.T) {
	s := newSchool(t)
	log := filepath.Join(s.Dir, "filter.csv")
	line := func(at time.Time, host, action string) string {
		return at.UTC().Format(time.RFC3339) + ",192.0.2.7,demo.pupil,https://" + host + "/path?query," + action + "\n"
	}
	now := time.Now()
	check(t, os.WriteFile(log, []byte("Time,Client,Account,Address,Verdict\n"+
		line(now.Add(-24*time.Hour), "n1.flagged.example", "allowed")+line(now, "n2.flagged.example", "allowed")), 0o600))
	collector := must[*trialschool.Program](t)(s.StartCollector(t.Context()))
	must[string](t)(s.AddDSL(t.Context()))
	check(t, s.ImportPupil(t.Context(), "demo.pupil"))
	check(t, s.Publish(t.Context(), writeRules(t, s.Dir, "flagged.example", "high")))
	check(t, s.Enrol(t.Context(), s.AgentDir(), fmt.Sprintf("weblog: [{format: csv, path: %q, columns: {host: Address}}]\n", log)))
	agent := must[*trialschool.Program](t)(s.StartAgent(t.Context(), s.AgentDir()))
	check(t, s.UntilReady(t.Context(), s.AgentDir()))

	f := must[*os.File](t)(os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0o600))
	must[int](t)(f.WriteString(line(now, "n3.flagged.example", "blocked")))
	check(t, f.Close())
	untilStored(t, s, "n3.flagged.example")
	type event struct{ Name, Via, Outcome string }
	got := map[string]string{}
	for _, e := range must[[]event](t)(trialschool.Lines[event](must[[]byte](t)(s.Verb(t.Context(), "events", "--as", trialschool.DSLName, "--json")))) {
		got[e.Name] = e.Via + " " + e.Outcome
	}
	if want := (map[string]string{"n2.flagged.example": "log connected", "n3.flagged.example": "log attempted"}); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("stored %v, want %v", got, want)
	}
	check(t, agent.Stop())
	check(t, collector.Stop())
}
