package network

import (
	"context"
	"errors"
	"fmt"
	"time"

	"safelight/agent/source/network/bpfdev"
)

// devices is the capture by macOS's BPF devices. It knows of no packet who sent
// it: owners are looked up.
type devices struct {
	*bpfdev.Capture
	name string // of the one interface to watch, or empty
	stop func() // ends the wake-up, or waits until it is over
	one  arrival
}

// openCapture takes the one way there is here: what is called bpf elsewhere is
// another thing, so bpf and packet both mean this.
func openCapture(ctx context.Context, cfg Config) (capturer, error) {
	system, err := bpfdev.NewSystem()
	if err != nil {
		return nil, unavailable(err)
	}
	c, err := bpfdev.Open(system, cfg.Interface)
	if err != nil {
		return nil, unavailable(err)
	}
	d := &devices{Capture: c, name: cfg.Interface}
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		d.Wake()
	})
	d.stop = func() {
		if !stop() {
			<-woken
		}
	}
	return d, nil
}

func unavailable(err error) error {
	switch {
	case errors.Is(err, bpfdev.ErrPrivilege):
		return fmt.Errorf("%w: %w; run the agent as root, as its launchd service does", errUnavailable, err)
	case errors.Is(err, bpfdev.ErrNone):
		return fmt.Errorf("%w: %w; other programs that capture packets hold them", errUnavailable, err)
	}
	return fmt.Errorf("%w: %w", errUnavailable, err)
}

func (d *devices) read(ctx context.Context, wait time.Duration, take func(*arrival)) error {
	return d.Read(ctx, wait, func(packet []byte, at time.Time) {
		d.one = arrival{data: packet, at: at}
		take(&d.one)
	})
}

func (d *devices) wake()        { d.Wake() }
func (d *devices) lost() uint64 { return d.Lost() }
func (*devices) way() Way       { return Packet }

func (d *devices) detail() string {
	detail := "BPF devices: DNS, TLS, QUIC, HTTP; owners are looked up"
	if left := d.Left(); left != "" {
		detail += ". Not watched: " + left
	}
	return detail
}

func (d *devices) changed() error {
	if err := d.Changed(); err != nil {
		return unavailable(err)
	}
	return nil
}

// check implements capturer: a change of which nothing was heard is found, and
// only where nothing can be watched any more is the capture at an end.
func (d *devices) check() error {
	if err := d.changed(); err != nil && d.name == "" {
		return err
	}
	return nil
}

func (d *devices) close() error {
	d.stop()
	return d.Close()
}
