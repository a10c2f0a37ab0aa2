//go:build !linux && !darwin && !windows

package network

import (
	"context"
	"fmt"
	"runtime"
)

func openCapture(context.Context, Config) (capturer, error) {
	return nil, fmt.Errorf("%w: packets are not captured on %s; switch network off in agent.yaml, and follow a proxy's or resolver's log instead", errUnavailable, runtime.GOOS)
}
