package policy

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

// Active says which policy is judged by.
type Active struct {
	Epoch  uint64
	Serial uint64
	KeyID  string
	Issued time.Time
}

// inForce is a policy that is judged by, with the files it reads. Whoever judges
// holds it; it is closed once it is replaced and the last has let go.
type inForce struct {
	Active
	raw      []byte // the signed manifest, as stored
	set      *rules.Ruleset
	files    []*safelightv1.Blob // those that stay mapped
	mappings []mapping
	users    atomic.Int64 // the store is one of them; closed at nought
}

func newInForce(m *safelightv1.Manifest, raw []byte) *inForce {
	p := &inForce{raw: raw, Active: Active{Epoch: m.GetEpoch(), Serial: m.GetSerial(), KeyID: m.GetKeyId(), Issued: m.GetIssued().AsTime()}}
	p.users.Store(1)
	return p
}

// hold is false once the policy is closed.
func (p *inForce) hold() bool {
	for {
		n := p.users.Load()
		if n == 0 {
			return false
		}
		if p.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (p *inForce) release() {
	if p.users.Add(-1) == 0 {
		_ = p.close() // unmapping what was mapped cannot fail, and nobody could mend it
	}
}

func (p *inForce) close() error {
	var err error
	for _, m := range p.mappings {
		err = errors.Join(err, m.close())
	}
	p.mappings = nil
	return err
}

// use calls judge, and returns an error where a file could not be read meanwhile.
func (p *inForce) use(judge func(*rules.Ruleset, uint64, uint64)) error {
	return p.reading(func() error {
		judge(p.set, p.Epoch, p.Serial)
		return nil
	})
}

// reading calls look, which looks at what is mapped, and returns its error, or one
// where a file could not be read meanwhile: the system answers a look at a page
// that the disk does not give with a fault, which would end the program.
func (p *inForce) reading(look func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case interface {
			runtime.Error
			Addr() uintptr
		}:
			if !p.covers(fault.Addr()) {
				panic(fault)
			}
			err = fmt.Errorf("reading policy %d.%d: its disk did not answer, or a file was cut", p.Epoch, p.Serial)
		default:
			panic(fault)
		}
	}()
	return look()
}

// covers says whether an address is within what is mapped.
func (p *inForce) covers(addr uintptr) bool {
	for _, m := range p.mappings {
		if m.covers(addr) {
			return true
		}
	}
	return false
}
