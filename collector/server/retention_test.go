package server

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"safelight/collector/model"
)

// forgetful notes when it was asked to remove what.
type forgetful struct {
	asked []time.Time // now
	fail  error
}

func (f *forgetful) RemoveTrialData(_ context.Context, school model.SchoolID, before, now time.Time, dry bool) (model.Removed, error) {
	if school != schoolID || dry || now.Sub(before) != 30*24*time.Hour {
		f.fail = errors.New("asked for something else")
	}
	f.asked = append(f.asked, now)
	return model.Removed{}, f.fail
}

func TestG13OldDataIsRemovedEveryDayWithoutBeingAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &forgetful{}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- newRetention(f, time.Now, slog.New(slog.DiscardHandler)).run(ctx) }()
		begin := time.Now()
		time.Sleep(4*24*time.Hour - time.Hour) // the bubble's time
		synctest.Wait()
		if len(f.asked) != 4 || f.fail != nil {
			t.Errorf("in four days it ran %d times: %v", len(f.asked), f.fail)
		}
		if first := f.asked[0].Sub(begin); first < 10*time.Minute {
			t.Errorf("it first ran %s after the start, into its rush", first)
		}
		f.fail = errors.New("the disk is full")
		time.Sleep(2 * 25 * time.Hour)
		synctest.Wait()
		if len(f.asked) < 6 {
			t.Error("it gave up after a failure")
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
