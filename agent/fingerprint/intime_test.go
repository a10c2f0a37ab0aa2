package fingerprint

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"safelight/internal/event"
)

// TestAFileOnAShareThatDoesNotAnswerHoldsUpNoOther: two are left behind at most, and
// once the share is back everything is read again.
func TestAFileOnAShareThatDoesNotAnswerHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "program")
		if err := os.WriteFile(path, []byte("a program"), 0o600); err != nil {
			t.Fatal(err)
		}
		back := make(chan struct{})
		var opened atomic.Int64
		r := New(Config{})
		r.opens = func(o event.Observation) (*os.File, bool, error) {
			opened.Add(1)
			if o.Exe != "here" {
				<-back
			}
			f, err := os.Open(path)
			return f, true, err
		}
		ask := func(exe string, want error, within time.Duration) {
			t.Helper()
			began := time.Now()
			sum, err := r.SHA256(t.Context(), event.Observation{Exe: exe})
			if !errors.Is(err, want) || (err == nil) != (sum != "") || time.Since(began) != within {
				t.Errorf("%s: %q, %v after %s; want %v after %s", exe, sum, err, time.Since(began), want, within)
			}
		}
		ask("dead", ErrSlow, readWithin)
		ask("here", nil, 0)
		ask("dead", ErrSlow, 0) // it hangs already, and takes nothing from the others
		ask("here", nil, 0)
		ask("dead too", ErrSlow, readWithin)
		ask("here", ErrSlow, 0) // nothing is begun while two hang
		if opened.Load() != 4 {
			t.Errorf("%d files were opened, want 4", opened.Load())
		}
		close(back)
		synctest.Wait()
		ask("here", nil, 0)
		ask("dead", nil, 0)
		if len(r.hanging) != 0 {
			t.Errorf("%v hang", r.hanging)
		}
	})
}

func TestStoppingDoesNotWaitForAFileThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		r := New(Config{})
		r.opens = func(event.Observation) (*os.File, bool, error) { <-back; return nil, false, ErrNoFile }
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		if _, err := r.SHA256(ctx, event.Observation{Exe: "dead"}); !errors.Is(err, context.Canceled) || time.Since(began) != time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		close(back)
		synctest.Wait()
	})
}
