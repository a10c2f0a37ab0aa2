//go:build !linux && !darwin && !windows

package attribution

import (
	"net/netip"

	"safelight/internal/event"
)

// Resolver finds owners; on this operating system it knows none, and says so.
type Resolver struct{}

// New returns a Resolver for this machine.
func New(Config) *Resolver { return &Resolver{} }

// Close does nothing here.
func (*Resolver) Close() error { return nil }

// Lookup says that the owner of a flow is not known.
func (*Resolver) Lookup(string, netip.AddrPort, netip.AddrPort) (event.Owner, bool) {
	return event.Owner{Unknown: whyNoSystem, Origin: event.Origin{Reason: event.ReasonUnsupported}}, false
}

// Opened does nothing here.
func (*Resolver) Opened(netip.AddrPort, netip.AddrPort) {}

// Complete adds nothing.
func (*Resolver) Complete(owner event.Owner) event.Owner { return owner }

// Started says no more than the system told.
func (*Resolver) Started(s event.Start, _ bool) event.Owner {
	return event.Owner{PID: s.PID, Process: s.Comm, Exe: s.Exe, UID: s.UID}
}

// Process says that what runs as pid is not known.
func (*Resolver) Process(pid int) (event.Owner, bool) {
	return event.Owner{PID: pid, Unknown: whyNoSystem, Origin: event.Origin{Reason: event.ReasonUnsupported}}, false
}
