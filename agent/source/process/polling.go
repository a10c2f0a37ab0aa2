package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"safelight/internal/event"
)

// takenJustNow is how many times its pace ago the last look may be for this way to go on
// from it.
const takenJustNow = 5

// polling looks at the list of processes again and again.
type polling struct {
	every  time.Duration
	system system
	log    *slog.Logger
	known  *known // what runs; nil before the first look
	looked time.Time
}

func newPolling(cfg Config, sys system) *polling {
	if cfg.Every <= 0 {
		cfg.Every = time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &polling{every: cfg.Every, system: sys, log: cfg.Log}
}

func (*polling) name() string { return "polling" }

// lost is nothing: what is missed by looking nobody can count.
func (*polling) lost() uint64 { return 0 }

func (p *polling) run(ctx context.Context, ready func(), tell func(event.Start)) error {
	if err := p.begin(ctx, tell); err != nil {
		return fmt.Errorf("listing processes: %w (%w)", err, errUnavailable)
	}
	ready()
	ticker := time.NewTicker(p.every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) { // a better way is tried: what started since the last look is told here
				_ = p.look(context.WithoutCancel(ctx), tell)
			}
			return nil
		case <-ticker.C:
		}
		if err := p.look(ctx, tell); err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "listing processes failed; trying again", "error", err)
		}
	}
}

// handOver tells what started since the last look, where this way was taken just now
// and a better one reads from now on. A later begin starts anew: what runs by then the
// better way has told.
func (p *polling) handOver(ctx context.Context, tell func(event.Start)) {
	if p.known == nil {
		return
	}
	if time.Since(p.looked) <= takenJustNow*p.every {
		if err := p.look(ctx, tell); err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "listing processes failed; what started while a better way was begun is not told", "error", err)
		}
	}
	p.known = nil
}

// begin remembers what runs already, silently; or, where this way was taken just now,
// tells what started since. After a longer while somebody else has told it.
func (p *polling) begin(ctx context.Context, tell func(event.Start)) error {
	if p.known != nil && time.Since(p.looked) <= takenJustNow*p.every {
		return p.look(ctx, tell)
	}
	k := newKnown(p.system)
	if err := k.baseline(ctx); err != nil {
		return err
	}
	p.known = k
	return nil
}

func (p *polling) look(ctx context.Context, tell func(event.Start)) error {
	started, err := p.known.look(ctx)
	p.looked = time.Now()
	for _, one := range started {
		tell(event.Start{PID: int(one.pid), Comm: one.name, Exe: one.exe, UID: one.uid})
	}
	return err
}
