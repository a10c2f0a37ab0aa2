package network

import (
	"context"
	"errors"
	"fmt"

	"safelight/agent/source/network/bpf"
)

// openCapture takes the best capture that is to be had, or the one asked for.
func openCapture(ctx context.Context, cfg Config) (capturer, error) {
	switch cfg.Capture {
	case BPF:
		return openSockets(cfg)
	case Packet:
		return openRing(ctx, cfg, "")
	}
	s, err := openSockets(cfg)
	if err == nil {
		return s, nil
	}
	why := err.Error()
	var un *bpf.Unavailable
	if errors.As(err, &un) {
		why = un.Reason
	}
	r, rerr := openRing(ctx, cfg, fmt.Sprintf("BPF is not to be had: %s", why))
	if rerr != nil {
		return nil, fmt.Errorf("%w; nor is BPF to be had: %s", rerr, why)
	}
	return r, nil
}
