package daemon

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestMemoryIsGivenBackWhenTheAgentRestsAndNotBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		var now usage
		given := 0
		done := make(chan error, 1)
		go func() {
			done <- rest(ctx, func() usage {
				mu.Lock()
				defer mu.Unlock()
				return now
			}, func() {
				mu.Lock()
				defer mu.Unlock()
				given++
				now.spare = 0
			})
		}()
		step := func(allocates, spare uint64, want int, what string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			now.allocated, now.spare = now.allocated+allocates, spare
			mu.Unlock()
			time.Sleep(restEvery)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if given != want {
				t.Errorf("%s: given back %d times, want %d", what, given, want)
			}
		}
		step(50<<20, 8<<20, 0, "under load")
		step(1<<20, 8<<20, 0, "still some load")
		step(1<<10, 8<<20, 1, "at rest")
		step(1<<10, 0, 1, "nothing left to give")
		step(1<<10, worthGiving-1, 1, "too little to give")
		step(1<<10, worthGiving, 2, "garbage that gathered at rest")
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestWhatIsReadOfThisProcessIsThere(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := giveBack(ctx); err != nil { // a metric that is not there would panic
		t.Error(err)
	}
}
