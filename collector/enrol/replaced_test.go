package enrol_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"safelight/collector/enrol"
)

// TestADeviceThatIsRefusedForItsEarlierKeyIsToldOfOnceADay: nobody would know
// otherwise, and a laptop that calls each minute fills neither log nor store.
func TestADeviceThatIsRefusedForItsEarlierKeyIsToldOfOnceADay(t *testing.T) {
	h := newHouse(t)
	var told []string
	var fails error
	h.gate.TellEnded(func(_ context.Context, device string) error {
		told = append(told, device)
		return fails
	})
	token := h.token(5, time.Hour)
	old, err := h.enrolledAs(laptop, token)
	must(t, err)
	again, err := h.enrolledAs(laptop, token)
	must(t, err)
	h.follow()
	calls := func(want int) {
		t.Helper()
		for range 3 {
			_, err := old.resolve()
			wantStatus(t, err, codes.PermissionDenied, enrol.ErrReplaced.Error())
			_, err = again.resolve()
			must(t, err)
		}
		if len(told) != want {
			t.Fatalf("told %d times, want %d", len(told), want)
		}
	}
	calls(1)
	h.follow() // another device was enrolled meanwhile
	h.clock.pass(23 * time.Hour)
	calls(1)
	h.clock.pass(time.Hour)
	fails = errors.New("the disk is full")
	calls(2)
	fails = nil
	h.clock.pass(time.Hour) // it is tried again where telling failed
	calls(3)
	if told[0] != old.id {
		t.Errorf("told of %q, want %q", told[0], old.id)
	}
}
