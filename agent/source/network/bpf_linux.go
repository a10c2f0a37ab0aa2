package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path"
	"strings"
	"time"

	"safelight/agent/source/network/bpf"
	"safelight/agent/source/network/decode"
	"safelight/internal/event"
)

// sockets is the capture by BPF programs: it knows of each packet who sent it.
type sockets struct {
	*bpf.Capture
	name  string // of the one interface to watch, or empty
	index int    // its number; 0 if it is not there
	one   arrival
	owner event.Owner
	uid   uint32
}

func openSockets(cfg Config) (*sockets, error) {
	c, err := bpf.Open(bpf.Config{Cgroup: cfg.Cgroup, Now: cfg.Now})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	s := &sockets{Capture: c, name: cfg.Interface}
	if err := s.changed(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return s, nil
}

func (*sockets) way() Way { return BPF }
func (*sockets) detail() string {
	return "BPF programs on the cgroup: DNS, TLS, QUIC, HTTP, with owners"
}
func (s *sockets) wake()        { s.Wake() }
func (s *sockets) lost() uint64 { return s.Lost() }
func (s *sockets) check() error { return s.Check() }
func (s *sockets) close() error { return s.Close() }

// changed implements capturer. Sockets need no interface; only one that is
// asked for by name must be there.
func (s *sockets) changed() error {
	if s.name == "" {
		return nil
	}
	s.index = -1 // no packet's
	face, err := net.InterfaceByName(s.name)
	if err != nil {
		return fmt.Errorf("%w: waiting for the interface to watch: %w", errUnavailable, err)
	}
	s.index = face.Index
	return nil
}

// read implements capturer.
func (s *sockets) read(ctx context.Context, wait time.Duration, take func(*arrival)) error {
	return s.Read(ctx, wait, func(p *bpf.Packet) {
		if s.index != 0 && p.Interface != s.index {
			return
		}
		s.one = arrival{data: p.Data, at: p.Time, key: decode.Key(p.Cookie), unanswered: p.Unanswered}
		if p.Owner != nil {
			s.own(p.Owner)
		}
		take(&s.one)
	})
}

func (s *sockets) own(o *bpf.Owner) {
	s.uid = o.UID
	s.owner = event.Owner{PID: o.PID, Process: programName(o.Comm, o.Exe), Exe: o.Exe, UID: &s.uid}
	s.owner.PPID = o.PPID
	s.one.owner = &s.owner
}

// programName is the process's name; the kernel keeps 15 bytes of it, and the
// program's file often says how it goes on.
func programName(comm, exe string) string {
	if base := path.Base(exe); len(comm) == 15 && strings.HasPrefix(base, comm) {
		return base
	}
	return comm
}
