package weblog

import "time"

// grace is how long a question waits for its answer's line. It is what package
// fold gives a question seen in packets.
const grace = 2 * time.Second

// maxWaiting bounds how many entries are held.
const maxWaiting = 4096

// pairs brings a question and its answer together, where a log has a line for
// each: the answer says whether it was refused (G10). Entries leave in the
// order of their lines, so that the place after an entry is a place from which
// nothing is told twice and nothing left out.
//
//	question a ... question b ... answer b ... answer a
//	     |              `--------------' b is done, and waits for a
//	     `-------------------------------------------' both leave
type pairs struct {
	waiting []held
	first   int // those before it have left
	// answers says that the log has answers: without them nothing waits.
	answers bool
}

type held struct {
	Entry
	place place
	due   time.Time
	done  bool
}

// add takes an entry whose line was read at now.
func (p *pairs) add(e Entry, at place, now time.Time) {
	switch {
	case e.stage == answer:
		p.answers = true
		if p.answered(e) || e.Client == "" {
			return // whose it was is not known
		}
	case e.stage == question && p.answers:
		p.waiting = append(p.waiting, held{Entry: e, place: at, due: now.Add(grace)})
		return
	}
	p.waiting = append(p.waiting, held{Entry: e, place: at, done: true})
}

// answered gives the answer to the oldest question it can belong to.
func (p *pairs) answered(e Entry) bool {
	for i := p.first; i < len(p.waiting); i++ {
		h := &p.waiting[i]
		if !h.done && h.Host == e.Host && (e.Client == "" || e.Client == h.Client) {
			h.done, h.Denied = true, e.Denied
			return true
		}
	}
	return false
}

// next takes out the first entry if it waits no longer.
func (p *pairs) next(now time.Time) (held, bool) {
	if p.empty() {
		return held{}, false
	}
	h := p.waiting[p.first]
	if !h.done && h.due.After(now) && len(p.waiting)-p.first < maxWaiting {
		return held{}, false
	}
	p.waiting[p.first] = held{}
	p.first++
	switch {
	case p.empty():
		p.waiting, p.first = p.waiting[:0], 0
	case p.first >= maxWaiting:
		n := copy(p.waiting, p.waiting[p.first:])
		clear(p.waiting[n:])
		p.waiting, p.first = p.waiting[:n], 0
	}
	return h, true
}

func (p *pairs) empty() bool { return p.first == len(p.waiting) }
