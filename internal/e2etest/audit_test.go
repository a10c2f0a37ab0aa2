package e2etest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"safelight/internal/trialschool"
)

// The device remembers how long the record was, and says so when yesterday's
// database is put in the place of today's.
func TestYesterdaysDatabaseIsFoundByTheDevice(t *testing.T) {
	s := newSchool(t)
	log := filepath.Join(s.Dir, "access.log")
	check(t, os.WriteFile(log, nil, 0o600))
	agent, collector := startSchool(t, s, log)
	t.Cleanup(func() { _ = agent.Stop() })
	check(t, collector.Stop())
	database := filepath.Join(s.CollectorDir(), "safelight.db")
	yesterday := must[[]byte](t)(os.ReadFile(database))

	kept := filepath.Join(s.AgentDir(), "audit.checkpoint")
	before, _ := os.ReadFile(kept) // there may be none yet
	// While nobody runs: what the next one announces first holds it for certain, and
	// it announces no more for minutes.
	must[[]byte](t)(s.Verb(t.Context(), "token", "create"))
	collector = must[*trialschool.Program](t)(s.StartCollector(t.Context()))
	must[[]byte](t)(s.Verb(t.Context(), "audit", "verify"))
	check(t, trialschool.Until(t.Context(), "the device to keep a newer checkpoint", func() (bool, string) {
		now, err := os.ReadFile(kept)
		return err == nil && string(now) != string(before), string(now)
	}))
	must[[]byte](t)(s.Verb(t.Context(), "audit", "verify", "--checkpoint", kept))
	check(t, collector.Stop())

	for _, side := range []string{"-wal", "-shm"} {
		_ = os.Remove(database + side)
	}
	check(t, os.WriteFile(database, yesterday, 0o600))
	collector = must[*trialschool.Program](t)(s.StartCollector(t.Context()))
	t.Cleanup(func() { _ = collector.Stop() })
	check(t, trialschool.Until(t.Context(), "the record to be found older than what the device holds", func() (bool, string) {
		_, err := s.Verb(t.Context(), "audit", "verify")
		return err != nil && strings.Contains(err.Error(), "held by device") && strings.Contains(err.Error(), "older database"), errText(err)
	}))
	if _, err := s.Verb(t.Context(), "audit", "verify", "--checkpoint", kept); err == nil || !strings.Contains(err.Error(), kept) && !strings.Contains(err.Error(), "more") {
		t.Errorf("verify with the device's checkpoint: %v", err)
	}
	if now := must[[]byte](t)(os.ReadFile(kept)); string(now) == string(before) {
		t.Error("the device gave its evidence up")
	}
}

func errText(err error) string {
	if err == nil {
		return "whole"
	}
	return err.Error()
}
