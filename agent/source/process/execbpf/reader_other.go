//go:build !linux

package execbpf

import (
	"runtime"
	"time"
)

// Reader is never made on this system.
type Reader struct{}

// Open returns an Unavailable: BPF is Linux's.
func Open(func() time.Time) (*Reader, error) {
	return nil, &Unavailable{Reason: "exec events by BPF are Linux's; there are none on " + runtime.GOOS}
}

// Read is never called.
func (*Reader) Read(*Event) error { return &Unavailable{Reason: "no BPF here"} }

// Lost is never called.
func (*Reader) Lost() uint64 { return 0 }

// Close is never called.
func (*Reader) Close() error { return nil }
