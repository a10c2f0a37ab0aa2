package network

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"safelight/agent/source/etw"
)

const (
	// sessionName is the trace session's, and asideName that of whoever looks
	// beside the agent.
	sessionName = "Safelight names"
	asideName   = "Safelight names, looking on"
	// maxAsked is how many questions wait at most to be looked at.
	maxAsked = 4096
	// endWait is how long Windows may take to end a trace.
	endWait = 3 * time.Second
)

// resolver is the capture that Windows' DNS client feeds: it is told names, with
// the process that asks, and no packets.
type resolver struct {
	session *etw.Session
	asked   chan asked
	woken   chan struct{}
	done    chan struct{}
	err     error // why the reading ended; good once done is closed
	// refused are events that found no room here or could not be read.
	refused atomic.Uint64
}

func openCapture(_ context.Context, cfg Config) (capturer, error) {
	if cfg.Capture != "" && cfg.Capture != Auto {
		return nil, fmt.Errorf("%w: capture %s is Linux's; on Windows names come from the system's resolver: set capture to auto in agent.yaml", errUnavailable, cfg.Capture)
	}
	if cfg.Interface != "" || cfg.Cgroup != "" {
		return nil, fmt.Errorf("%w: the system's resolver knows no interfaces and no cgroups: leave them out", errUnavailable)
	}
	name := sessionName
	if cfg.Beside {
		name = asideName
	}
	s, err := etw.Open(etw.Config{Name: name, Provider: etw.DNSClient})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	r := &resolver{session: s, asked: make(chan asked, maxAsked), woken: make(chan struct{}, 1), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.err = s.Run(r.take)
	}()
	return r, nil
}

// take is called by the session, and must be quick.
func (r *resolver) take(e *etw.Event) {
	if !e.IsQuery() {
		return // an older Windows filters nothing
	}
	a, ok, err := newAsked(e)
	if err != nil {
		r.refused.Add(1)
	}
	if !ok {
		return
	}
	select {
	case r.asked <- a:
	default:
		r.refused.Add(1)
	}
}

// read implements capturer.
func (r *resolver) read(ctx context.Context, wait time.Duration, take func(*arrival)) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case a := <-r.asked:
		take(a.arrival())
	case <-timer.C:
	case <-r.woken:
	case <-ctx.Done():
	case <-r.done:
		return r.ended()
	}
	for {
		select {
		case a := <-r.asked:
			take(a.arrival())
		default:
			return nil
		}
	}
}

func (r *resolver) ended() error {
	if r.err == nil {
		return fmt.Errorf("%w: the trace session ended", errUnavailable)
	}
	return fmt.Errorf("%w: %w", errUnavailable, r.err)
}

func (r *resolver) wake() {
	select {
	case r.woken <- struct{}{}:
	default:
	}
}

func (r *resolver) lost() uint64 { return r.session.Lost() + r.refused.Load() }
func (*resolver) changed() error { return nil }
func (r *resolver) check() error { return r.session.Check() }
func (*resolver) way() Way       { return ETW }
func (*resolver) detail() string {
	return "what programs ask Windows' resolver for, with owners; what a browser resolves by itself (DNS over HTTPS) or asks a web proxy for is not seen, nor whether a connection followed"
}

// close ends the session, and waits for Windows to have done with it.
func (r *resolver) close() error {
	err := r.session.Close()
	select {
	case <-r.done:
		return err
	case <-time.After(endWait):
		return errors.Join(err, errors.New("ending the trace session: Windows still reads it after 3 s"))
	}
}
