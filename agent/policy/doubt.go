package policy

import (
	"context"
	"time"
)

// When the files of the policy in force are read through again, and how slowly:
// a piece of a mebibyte, then this pause.
const (
	firstCheck = 2 * time.Minute // when a device has come up
	everyCheck = 24 * time.Hour
	checkPause = 50 * time.Millisecond
)

// Run reads the large files of the policy in force through, some time after the
// start and once a day, until ctx ends; it then returns nil. A start trusts them
// by their size: they were verified when they were installed, and lie in a folder
// that only the system may write to. What a disk does to them is found here.
func (s *Store) Run(ctx context.Context) error {
	for wait := firstCheck; rest(ctx, wait) == nil; wait = everyCheck {
		s.check(ctx)
	}
	return nil
}

func (s *Store) check(ctx context.Context) {
	p := s.now.Load()
	if p == nil || !p.hold() {
		return // there is none, or a new one was verified just now
	}
	defer p.release()
	for _, b := range p.files {
		if err := s.files.verify(ctx, b, checkPause); err != nil && ctx.Err() == nil {
			s.fallBack(p, err)
			return
		}
	}
}

// fallBack replaces a policy that cannot be read: by itself, where its files are
// good and only their mapping is not, else by the one before, else by none. The
// collector learns of it from the next heartbeat, and sends it again.
func (s *Store) fallBack(p *inForce, why error) {
	s.log.Error("the policy in force cannot be read, falling back", "epoch", p.Epoch, "serial", p.Serial, "error", why.Error())
	next := s.newest(onPurpose, current, previous)
	if !s.now.CompareAndSwap(p, next) {
		if next != nil {
			next.release() // another has come into force meanwhile
		}
		return
	}
	p.release()
}
