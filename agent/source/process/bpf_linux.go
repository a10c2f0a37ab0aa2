package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"safelight/agent/source/process/execbpf"
	"safelight/internal/event"
)

// kernelWays are the ways in which Linux tells of starts, the best first.
func kernelWays(cfg Config) []way {
	return []way{&bpf{now: cfg.Now}, &connector{}}
}

// bpf reads the events of a BPF program.
type bpf struct {
	now    func() time.Time
	reader atomic.Pointer[execbpf.Reader]
}

func (*bpf) name() string { return "bpf" }

func (b *bpf) lost() uint64 {
	if r := b.reader.Load(); r != nil {
		return r.Lost()
	}
	return 0
}

func (b *bpf) run(ctx context.Context, ready func(), tell func(event.Start)) error {
	r, err := execbpf.Open(b.now)
	if err != nil {
		return fmt.Errorf("%w (%w)", err, errUnavailable)
	}
	b.reader.Store(r)
	closed := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { closed <- r.Close() })
	defer func() {
		b.reader.Store(nil)
		if stop() {
			_ = r.Close() // the error that ended the reading says more
			return
		}
		<-closed //nolint:errcheck // whoever stopped it waits for no more
	}()
	ready()
	var e execbpf.Event
	for {
		if err := r.Read(&e); err != nil {
			if errors.Is(err, os.ErrClosed) {
				return nil
			}
			return err
		}
		tell(start(&e))
	}
}

func start(e *execbpf.Event) event.Start {
	uid := e.UID
	s := event.Start{
		Time: e.Time, PID: e.PID, PPID: e.PPID, UID: &uid, CgroupID: e.CgroupID,
		Comm: e.Comm, Filename: e.Filename, Exe: e.Exe,
	}
	if e.HasLogin {
		login := e.LoginUID
		s.LoginUID = &login
	}
	return s
}
