package bpf

import (
	"encoding/binary"
	"fmt"
	"time"

	"safelight/agent/source/kernel"
)

// The records of capture.bpf.c.
const (
	isProgram = 1
	isPacket  = 2

	programHead = 4 + 4 + keyBytes + 16 + 4
	packetHead  = 4 + 4 + 8 + 8 + keyBytes + 4 + 1 + 1 + 2
	keyBytes    = 24
)

// programKey is struct program_key: pids repeat, and a process runs several
// programs in turn.
type programKey struct {
	started, exec uint64
	pid           uint32
}

// handle takes one record. boot and now are both clocks of one moment after it
// was made.
func (c *Capture) handle(b []byte, boot time.Duration, now time.Time, take func(*Packet)) error {
	word := binary.NativeEndian
	kind := uint32(0)
	if len(b) >= 4 {
		kind = word.Uint32(b)
	}
	switch {
	case kind == isProgram && len(b) >= programHead:
		names := b[programHead:]
		if n := word.Uint32(b[programHead-4:]); uint64(n) < uint64(len(names)) {
			names = names[:n]
		}
		c.programs.learn(key(b[8:]), program{
			ppid: int(word.Uint32(b[4:])), comm: kernel.Text(b[8+keyBytes : 8+keyBytes+16]), exe: kernel.Path(names),
		})
		return nil
	case kind == isPacket && len(b) > packetHead:
		p := &c.packet
		*p = Packet{
			Time: kernel.Wall(word.Uint64(b[8:]), boot, now), Cookie: word.Uint64(b[16:]),
			Interface: int(word.Uint32(b[4:])), Ingress: b[53]&1 != 0, Unanswered: b[53]&2 != 0, Data: b[packetHead:],
		}
		if b[52] != 0 {
			k := key(b[24:])
			known := c.programs.find(k)
			c.owner = Owner{PID: int(k.pid), PPID: known.ppid, UID: word.Uint32(b[48:]), Comm: known.comm, Exe: known.exe}
			p.Owner = &c.owner
		}
		take(p)
		return nil
	}
	return fmt.Errorf("reading packets: a record of kind %d with %d bytes; the BPF object and this program are not of one build", kind, len(b))
}

func key(b []byte) programKey {
	word := binary.NativeEndian
	return programKey{started: word.Uint64(b), exec: word.Uint64(b[8:]), pid: word.Uint32(b[16:])}
}

type program struct {
	ppid      int
	comm, exe string
}

// programs remembers what the kernel told of programs, in two halves: when the
// young one is full the old one goes. The kernel tells of a program again
// before it forgets that it did, and it remembers fewer than a half holds.
type programs struct{ young, old map[programKey]program }

const half = 8192

func (p *programs) learn(k programKey, what program) {
	if p.young == nil || len(p.young) >= half {
		p.old, p.young = p.young, make(map[programKey]program)
	}
	p.young[k] = what
}

func (p *programs) find(k programKey) program {
	what, ok := p.young[k]
	if !ok {
		if what, ok = p.old[k]; ok {
			p.learn(k, what)
		}
	}
	return what
}
