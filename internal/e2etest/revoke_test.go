package e2etest

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"safelight/collector/store"
	"safelight/internal/trialschool"
)

// What one collector revokes reaches the streams of another on the same
// database, which learns of it from the store alone.
func TestARevocationWrittenByAnotherProcessEndsOpenStreamsWithinFiveSeconds(t *testing.T) {
	s := newSchool(t)
	ctx := t.Context()
	log := filepath.Join(s.Dir, "access.log")
	appendLine(t, log, "n1.plain.example", "demo.pupil")
	agent, collector := startSchool(t, s, log)
	other := must[*store.Store](t)(store.Open(ctx, filepath.Join(s.CollectorDir(), "safelight.db")))
	devices, err := other.Devices(ctx, "school")
	check(t, err)
	check(t, other.RevokeDevice(ctx, "school", devices[0].ID, time.Now()))
	began := time.Now()
	check(t, other.Close())
	check(t, trialschool.Until(ctx, "the device to be refused", func() (bool, string) {
		st, err := s.Status(ctx, s.AgentDir())
		return err == nil && !st.Connected && st.Delivery == "refused", fmt.Sprintf("%+v %v", st, err)
	}))
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s, want 5 s at most", took)
	}
	check(t, agent.Stop())
	check(t, collector.Stop())
}
