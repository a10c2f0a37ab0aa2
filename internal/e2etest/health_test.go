package e2etest

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"safelight/internal/trialschool"
)

// healthFacts reads what devices told of themselves.
func healthFacts(t *testing.T, s *trialschool.School) string {
	t.Helper()
	db := must[*sql.DB](t)(sql.Open("sqlite", "file:"+filepath.Join(s.CollectorDir(), "safelight.db")+"?mode=ro"))
	defer db.Close()
	rows := must[*sql.Rows](t)(db.QueryContext(t.Context(), `SELECT topic || ': ' || detail FROM health WHERE device <> '' ORDER BY received`)) //nolint:rowserrcheck // looked at below
	defer rows.Close()
	var all []string
	for rows.Next() {
		var one string
		check(t, rows.Scan(&one))
		all = append(all, one)
	}
	check(t, rows.Err())
	return strings.Join(all, "\n")
}

func untilFact(t *testing.T, s *trialschool.School, want string) {
	t.Helper()
	check(t, trialschool.Until(t.Context(), "the fact "+want, func() (bool, string) {
		got := healthFacts(t, s)
		return strings.Contains(got, want), got
	}))
}

func TestG15AKilledAndARemovedAgentAreFactsForIT(t *testing.T) {
	s := newSchool(t)
	log := filepath.Join(s.Dir, "access.log")
	check(t, os.WriteFile(log, nil, 0o600))
	agent, collector := startSchool(t, s, log)
	check(t, trialschool.Until(t.Context(), "the agent to have noted that it runs", func() (bool, string) {
		_, err := os.Stat(filepath.Join(s.AgentDir(), "alive.json"))
		return err == nil, fmt.Sprint(err)
	}))
	if got := healthFacts(t, s); got != "" {
		t.Errorf("a new device tells of itself: %s", got)
	}
	agent.Kill()
	agent = must[*trialschool.Program](t)(s.StartAgent(t.Context(), s.AgentDir()))
	untilFact(t, s, "ended-suddenly: The agent ended without being stopped and was started again")
	said := string(must[[]byte](t)(trialschool.Once(t.Context(), s.Agent, "goodbye", "--reason", "removed", "--dir", s.AgentDir())))
	if !strings.Contains(said, "has heard") {
		t.Errorf("goodbye says %q", said)
	}
	untilFact(t, s, "removed: The agent is being removed from this device by its package manager.")
	if _, err := trialschool.Once(t.Context(), s.Agent, "goodbye", "--reason", "fed-up", "--dir", s.AgentDir()); err == nil {
		t.Error("a reason that there is not was taken")
	}
	check(t, agent.Stop())
	if _, err := trialschool.Once(t.Context(), s.Agent, "goodbye", "--reason", "removed", "--dir", s.AgentDir()); err == nil || !strings.Contains(err.Error(), "does not run") {
		t.Errorf("goodbye of an agent that does not run: %v", err)
	}
	// A health event is for IT, and makes no alert.
	out := must[[]byte](t)(s.Verb(t.Context(), "alerts", "--as", trialschool.DSLName, "--json"))
	for line := range strings.Lines(string(out)) {
		var a map[string]any
		if json.Unmarshal([]byte(line), &a) == nil && a["ref"] != nil {
			t.Errorf("an alert was made: %s", line)
		}
	}
	check(t, collector.Stop())
}
