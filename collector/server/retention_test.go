package server

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"safelight/collector/model"
)

// forgetful notes when it was asked to remove what.
type forgetful struct {
	mu    sync.Mutex  // guards what follows
	asked []time.Time // now
	trial int         // how often of trials of rules
	fail  error
}

func (f *forgetful) RemoveTrials(_ context.Context, school model.SchoolID, _ time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.trial++; school != schoolID {
		f.fail = errors.New("asked for something else")
	}
	return nil
}

func (f *forgetful) times() ([]time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked), f.fail
}

func (f *forgetful) failWith(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

func (f *forgetful) RemoveTrialData(_ context.Context, school model.SchoolID, before, now time.Time, dry bool) (model.Removed, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
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
		asked, fail := f.times()
		if len(asked) != 4 || f.trial != 4 || fail != nil {
			t.Fatalf("in four days it ran %d times, and %d times for trials of rules: %v", len(asked), f.trial, fail)
		}
		if first := asked[0].Sub(begin); first < 10*time.Minute {
			t.Errorf("it first ran %s after the start, into its rush", first)
		}
		f.failWith(errors.New("the disk is full"))
		time.Sleep(2 * 25 * time.Hour)
		synctest.Wait()
		if asked, _ := f.times(); len(asked) < 6 {
			t.Error("it gave up after a failure")
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
