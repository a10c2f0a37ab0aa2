// Package etw reads Windows' own event tracing (ETW) as it happens: which names
// are asked of the DNS client, and which programs start. It sees what the two
// providers below tell, and nothing else: no packets, no contents, no arguments.
//
// What an event holds is decoded here in plain Go by the providers' published
// layouts, so that it is tested on every system; only session_windows.go and its
// neighbours talk to Windows. Of an event in a version that is not known the
// system itself is asked for the fields by name (TDH). agent/source/network and
// agent/source/process use it, and nobody else should.
package etw

import (
	"errors"
	"fmt"
	"time"
)

// Provider is one that this package can read.
type Provider uint8

// The providers.
const (
	// DNSClient is Microsoft-Windows-DNS-Client: what programs ask the system's
	// resolver. The header names the process that asks.
	DNSClient Provider = iota + 1
	// KernelProcess is Microsoft-Windows-Kernel-Process. The header names the
	// process in which a program's start was asked for; the one that starts
	// stands in the payload.
	KernelProcess
)

// The events that are read, as the providers' manifests number them.
const (
	queryAsked     = 3006
	queryCompleted = 3008
	processStarted = 1
)

// Event is one event, and good only during the call that hands it over.
type Event struct {
	Provider Provider
	ID       uint16
	Version  uint8
	// PID is the header's: the process in which the event was written.
	PID  int
	Time time.Time
	// SID is the binary security identifier of the account in whose name the event
	// was written, and Session its session; without HasSession it is not known.
	SID        []byte
	Session    uint32
	HasSession bool
	Data       []byte
	// Property asks the system for a field by its name; nil where there is nobody
	// to ask.
	Property func(name string) ([]byte, error)
}

// Unavailable is why events cannot be had here; find it with errors.As.
type Unavailable struct{ Reason string } //nolint:errname // read as a state: Unavailable

func (u *Unavailable) Error() string { return "Windows' event tracing is not to be had: " + u.Reason }

// Why an event cannot be read.
var (
	errShort   = errors.New("the event ends before its fields do")
	errUnknown = errors.New("the event's version is not known")
	errOther   = errors.New("it is another event")
)

// fields hands the event's fields to take, by name, in the order of the manifest.
func (e *Event) fields(wanted []string, take func(name string, v value)) error {
	if l, ok := layoutOf(e.Provider, e.ID, e.Version); ok {
		return l.walk(e.Data, take)
	}
	if e.Property == nil {
		return fmt.Errorf("reading event %d, version %d: %w", e.ID, e.Version, errUnknown)
	}
	for _, name := range wanted {
		b, err := e.Property(name)
		if err != nil {
			return fmt.Errorf("reading %s of event %d, version %d: %w", name, e.ID, e.Version, err)
		}
		take(name, b)
	}
	return nil
}
