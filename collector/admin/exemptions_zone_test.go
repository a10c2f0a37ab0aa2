package admin_test

import (
	"strings"
	"testing"
	"time"

	"safelight/collector/admin"
)

// The person who reads it thinks in the school's hours, wherever the server stands.
func TestLeaveIsListedInTheSchoolsTime(t *testing.T) {
	r := admin.ExemptionRow{ID: "K3MZQ7TA", Until: time.Date(2026, 7, 1, 13, 5, 0, 0, time.UTC), Live: true, Zone: "Europe/London"}
	if got := strings.Join(r.Lines(), ""); !strings.Contains(got, "until 14:05 BST on 1 Jul") {
		t.Errorf("it says %q", got)
	}
}
