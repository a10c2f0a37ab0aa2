package watch

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	safelightv1 "safelight/proto/safelight/v1"
)

// takes is a stream that the collector takes, and ends.
type takes struct {
	safelightv1.AgentService_WatchClient
	said bool
}

func (s *takes) Send(*safelightv1.AgentStatus) error { return nil }

func (s *takes) Recv() (*safelightv1.Directive, error) {
	if s.said {
		return nil, status.Error(codes.Unavailable, "restarting")
	}
	s.said = true
	return &safelightv1.Directive{Hello: &safelightv1.Hello{}}, nil
}

// TestARefusedDeviceKnowsSinceWhenAndWhyAndLogsItOnceADay: it tries every minute, and
// only a person can mend it.
func TestARefusedDeviceKnowsSinceWhenAndWhyAndLogsItOnceADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		// What stands here is the test's, but while it waits.
		var mine sync.Mutex
		mine.Lock()
		var answer error
		var told []*Refusal
		var logged strings.Builder
		tries := 0
		w := New(Parts{
			Client: calls{watch: func() (safelightv1.AgentService_WatchClient, error) {
				mine.Lock()
				defer mine.Unlock()
				if tries++; answer != nil {
					return nil, answer
				}
				return &takes{}, nil
			}},
			Status:  func() *safelightv1.AgentStatus { return &safelightv1.AgentStatus{} },
			Refused: func(r *Refusal) { told = append(told, r) },
			Up:      func() {}, Log: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelWarn})),
		})
		began := time.Now()
		answer = status.Error(codes.PermissionDenied, "it was set up anew\nand has\x1b[31m another key")
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		at := func(after time.Duration) {
			mine.Unlock()
			time.Sleep(time.Until(began.Add(after)))
			synctest.Wait()
			mine.Lock()
		}
		at(50 * time.Hour)
		r := w.Refused()
		if r == nil || r.Since.Sub(began) > time.Minute || strings.ContainsAny(r.Reason, "\n\x1b") || !strings.HasPrefix(r.Reason, "it was set up anew and") {
			t.Fatalf("it knows %+v", r)
		}
		if n := strings.Count(logged.String(), "refuses this device"); n != 3 || tries < 100 {
			t.Errorf("logged %d times in 50 hours and %d tries, want 3", n, tries)
		}
		answer = status.Error(codes.Unavailable, "no such host")
		at(51 * time.Hour)
		if w.Refused() == nil || len(told) != 1 {
			t.Errorf("a collector that is away took it back: %v", told)
		}
		answer = nil
		at(52 * time.Hour)
		if w.Refused() != nil || len(told) != 2 || told[1] != nil {
			t.Errorf("it is taken again, and says %+v, told %v", w.Refused(), told)
		}
		mine.Unlock()
		cancel()
		<-done
	})
}

func TestARefusalThatLastedWhenTheAgentEndedKeepsItsBeginning(t *testing.T) {
	since := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	w := New(Parts{Known: &Refusal{Since: since, Reason: "revoked"}, Log: slog.New(slog.DiscardHandler)})
	w.ended(t.Context(), status.Error(codes.PermissionDenied, "revoked"), 0)
	if r := w.Refused(); r == nil || !r.Since.Equal(since) {
		t.Errorf("it says %+v", r)
	}
	w.ended(t.Context(), status.Error(codes.PermissionDenied, "another reason"), 0)
	if r := w.Refused(); r == nil || r.Since.Equal(since) {
		t.Errorf("another refusal: %+v", r)
	}
}
