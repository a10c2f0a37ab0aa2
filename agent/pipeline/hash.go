package pipeline

import (
	"context"

	"safelight/internal/event"
	"safelight/internal/rules"
)

// Hasher reads the SHA-256 of the file that a program was started from, in
// lower-case hex. It may take seconds, and must end soon after its context.
type Hasher interface {
	SHA256(ctx context.Context, o event.Observation) (string, error)
}

// heldPrograms is how many programs wait at most for their checksum; of more the
// rules judge what else is known.
const heldPrograms = 64

// hashing has programs' checksums read beside the judging, which waits for none:
//
//	judge --ask--> Hasher --read--> judge
//
// A program whose checksum a rule wants to know is judged once it is read, or
// cannot be. Programs come from no log, so none holds up a checkpoint.
type hashing struct {
	ask   chan queued
	read  chan queued // has room for all that were asked for
	held  int         // asked for and not judged yet; the judging goroutine's own
	ended bool        // nothing is asked for any more; likewise
}

func newHashing() hashing {
	return hashing{ask: make(chan queued, heldPrograms), read: make(chan queued, heldPrograms)}
}

// wantsHash says whether a program's checksum could change its verdict, by any of
// its names, and can be had.
func (p *Pipeline) wantsHash(set *rules.Ruleset, q queued, who Person) bool {
	if p.parts.Hasher == nil || q.hashed || q.Kind != event.Process || q.Exe == "" {
		return false
	}
	in := p.input(q, who)
	wanted := set.NeedsHash(in)
	for _, name := range alsoCalled(q.Observation) {
		in.Text, in.Exe = name.text, name.path
		wanted = wanted || set.NeedsHash(in)
	}
	if wanted && (p.hash.ended || p.hash.held == heldPrograms) {
		p.unread.Add(1)
		return false
	}
	return wanted
}

// hold has a program's checksum read. There is room.
func (p *Pipeline) hold(q queued) {
	p.hash.held++
	q.hashed, q.Checkpoint = true, nil // the place in the source was reached without it
	p.hash.ask <- q
}

// readHashes reads what is asked for until nothing more will be; once ctx has
// ended that is quick.
func (p *Pipeline) readHashes(ctx context.Context) {
	defer close(p.hash.read)
	for q := range p.hash.ask {
		p.hash.read <- p.withHash(ctx, q)
	}
}

func (p *Pipeline) withHash(ctx context.Context, q queued) queued {
	sum, err := p.parts.Hasher.SHA256(ctx, q.Observation)
	if err != nil {
		p.unread.Add(1)
		p.parts.Log.DebugContext(ctx, "a program's checksum could not be read", "error", err.Error())
	}
	q.sha256 = sum
	return q
}

// endHashes ends readHashes, and judges what still waits for a checksum.
func (p *Pipeline) endHashes(idle map[string][]byte) {
	p.hash.ended = true
	close(p.hash.ask)
	for q := range p.hash.read {
		if !p.write(context.Background(), []*queued{&q}, idle) {
			return // a full disk, which drain will find too
		}
	}
}
