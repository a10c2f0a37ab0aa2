package process

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"safelight/agent/source"
	"safelight/internal/event"
)

// late is a way that works from its so-manieth try on, as a trace session does whose
// forerunner Windows has yet to let go of.
type late struct {
	works  int
	tries  atomic.Int64
	why    error
	starts chan event.Start
	begins time.Duration // how long it takes to
}

func (*late) name() string { return "etw" }
func (*late) lost() uint64 { return 0 }

func (l *late) run(ctx context.Context, ready func(), tell func(event.Start)) error {
	if l.tries.Add(1) < int64(l.works) {
		return fmt.Errorf("too many sessions run (%w)", l.why)
	}
	time.Sleep(l.begins) // the bubble's
	ready()
	for {
		select {
		case <-ctx.Done():
			return nil
		case one := <-l.starts:
			tell(one)
		}
	}
}

// An agent that was killed and came back within two seconds may find its trace session
// still there. Polling would be all it does until the next restart, and misses what
// starts and ends between two looks.
func TestAWayThatDidNotWorkForNowIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &list{running: map[int32]identity{1: {1, "/system"}}}
		better := &late{works: 3, why: errPassing, starts: make(chan event.Start)}
		src := newSource(Config{}, l, better, newPolling(Config{}, l))
		out := &sink{}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- src.Run(ctx, nil, out) }()
		starts := func(pid int32, exe string) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.running[pid] = identity{int64(pid), exe}
		}
		synctest.Wait()
		first := src.Status()
		if first.Way != "polling" || !strings.Contains(first.Detail, "too many sessions") {
			t.Errorf("at first: %+v", first)
		}
		time.Sleep(betterAfter - time.Millisecond)
		starts(2, "/between/two/looks") // and the last of them
		time.Sleep(time.Second)
		synctest.Wait()
		if st := src.Status(); st.Way != "polling" || st.State != source.Running || better.tries.Load() != 2 || !st.Since.Equal(first.Since) {
			t.Errorf("after the second try, of %d: %+v", better.tries.Load(), st)
		}
		time.Sleep(betterAfter)
		synctest.Wait()
		if st := src.Status(); st.Way != "etw" || st.Detail != "" || better.tries.Load() != 3 {
			t.Errorf("after the third try, of %d: %+v", better.tries.Load(), st)
		}
		starts(3, "/told")
		better.starts <- event.Start{PID: 3, Comm: "told", Exe: "/told", Time: time.Now()}
		time.Sleep(2 * betterAfter)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		want(t, out.names(), []string{"2 looks", "3 told"})
	})
}

// Windows may take a second to let go of an old trace session. What starts after polling
// looked last and before the new session reads would be told by nobody; what starts while
// both do, by both.
func TestWhatStartsWhileABetterWayIsBegunIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &list{running: map[int32]identity{1: {1, "/system"}}}
		better := &late{works: 2, why: errPassing, starts: make(chan event.Start), begins: time.Second}
		src := newSource(Config{}, l, better, newPolling(Config{}, l))
		out := &sink{}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- src.Run(ctx, nil, out) }()
		time.Sleep(betterAfter + better.begins/2)
		synctest.Wait()
		if better.tries.Load() != 2 {
			t.Fatalf("tried %d times", better.tries.Load())
		}
		l.mu.Lock()
		l.running[2] = identity{2, "/between"}
		l.mu.Unlock()
		both := time.Now()
		time.Sleep(better.begins)
		synctest.Wait()
		want(t, out.names(), []string{"2 between"})
		if st := src.Status(); st.Way != "etw" || out.got[0].Via != event.ViaPoll {
			t.Errorf("by %s, via %s", st.Way, out.got[0].Via)
		}
		better.starts <- event.Start{PID: 2, Comm: "between", Exe: "/between", Time: both}
		better.starts <- event.Start{PID: 3, Comm: "late", Exe: "/late", Time: both} // over when polling looked
		better.starts <- event.Start{PID: 2, Comm: "another", Exe: "/another", Time: time.Now()}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		want(t, out.names(), []string{"2 between", "3 late", "2 another"})
	})
}

func TestAWayThatCannotWorkIsNotTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &list{running: map[int32]identity{1: {1, "/system"}}}
		better := &late{works: 2, why: errUnavailable}
		src := newSource(Config{}, l, better, newPolling(Config{}, l))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- src.Run(ctx, nil, &sink{}) }()
		time.Sleep(3 * betterAfter)
		synctest.Wait()
		if st := src.Status(); better.tries.Load() != 1 || st.Way != "polling" {
			t.Errorf("tried %d times: %+v", better.tries.Load(), st)
		}
		cancel()
		<-ended
	})
}

// What another way has told meanwhile is not told again.
func TestPollingThatBeginsAgainLaterStartsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &list{running: map[int32]identity{1: {1, "/system"}}}
		src, out := polledSource(l), &sink{}
		for pid := range int32(3) {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- src.Run(ctx, nil, out) }()
			synctest.Wait()
			cancel()
			<-ended
			l.running[pid+2] = identity{int64(pid), "/told/by/another"}
			time.Sleep(time.Minute)
		}
		want(t, out.names(), nil)
	})
}
