package process

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"safelight/internal/event"
)

// polling looks at the list of processes again and again.
type polling struct {
	every  time.Duration
	system system
	log    *slog.Logger
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
	known := newKnown(p.system)
	if err := known.baseline(ctx); err != nil {
		return fmt.Errorf("listing processes: %w (%w)", err, errUnavailable)
	}
	ready()
	ticker := time.NewTicker(p.every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		started, err := known.look(ctx)
		if err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "listing processes failed; trying again", "error", err)
		}
		for _, one := range started {
			tell(event.Start{PID: int(one.pid), Comm: one.name, Exe: one.exe, UID: one.uid})
		}
	}
}
