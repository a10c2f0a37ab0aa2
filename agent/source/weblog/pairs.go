package weblog

import (
	"slices"
	"time"
)

// grace is how long a question waits for its answer's line. It is what package
// fold gives a question seen in packets.
const grace = 2 * time.Second

const (
	// maxWaiting bounds how many entries are held.
	maxWaiting = 4096
	// unanswered is how many questions in a row wait in vain before a log is
	// taken for one of questions alone.
	unanswered = 64
)

// pairs brings a question and its answer together, where a log has a line for
// each: the answer says whether it was refused (G10). Entries leave in the
// order of their lines.
//
//	question a ... question b ... answer b ... answer a
//	     |              `--------------' b is done, and waits for a
//	     `-------------------------------------------' both leave
//
// The place after an entry is one from which nothing is left out; for nothing to
// be told twice, the lines behind it that belong to what has left (answer b,
// answer a) must be stepped over. They are kept with the place.
type pairs struct {
	waiting []held
	first   int // those before it have left
	// answers says that the log has answers: without them nothing waits.
	answers bool
	silent  int // questions that left in a row without an answer
	// alone says that an answer without a question is told by itself.
	alone bool
	// behind are the positions, in order, of lines that belong to what has left
	// and stand behind the place after it.
	behind []int64
	// skip are such lines of an earlier run.
	skip []int64
}

type held struct {
	Entry
	place place
	at    int64   // the position after its line, counted over all files
	lines []int64 // the positions after its answer's lines
	due   time.Time
	done  bool
	led   bool // to another name, of which the next answer is its own
}

// add takes an entry whose line was read at now. at is the position after the
// line, which grows from line to line over all files; place is where that is.
func (p *pairs) add(e Entry, place place, at int64, now time.Time) {
	for len(p.skip) > 0 && p.skip[0] < at {
		p.skip = p.skip[1:]
	}
	if e.stage == answer || e.stage == leads {
		p.answers, p.silent = true, 0
		known := len(p.skip) > 0 && p.skip[0] == at
		if known || p.answered(e, at) || e.Client == "" || !p.alone {
			return // told with its question, or whose it was is not known
		}
	}
	if e.stage == question {
		p.unled(e)
	}
	if e.stage == question && p.answers {
		p.waiting = append(p.waiting, held{Entry: e, place: place, at: at, due: now.Add(grace)})
		return
	}
	p.waiting = append(p.waiting, held{Entry: e, place: place, at: at, done: true})
}

// answered gives the answer to the oldest question it can belong to.
func (p *pairs) answered(e Entry, at int64) bool {
	h := p.find(func(h *held) bool { return h.led && h.serial == e.serial })
	if h == nil {
		h = p.find(func(h *held) bool { return h.Host == e.Host && h.mayBe(e) })
	}
	if h == nil {
		return false
	}
	h.lines = append(h.lines, at)
	if h.led = e.stage == leads; !h.led {
		h.done, h.Denied = true, e.Denied
	}
	return true
}

func (p *pairs) find(is func(*held) bool) *held {
	for i := p.first; i < len(p.waiting); i++ {
		if h := &p.waiting[i]; !h.done && is(h) {
			return h
		}
	}
	return nil
}

// mayBe says whether an answer can be of the question: whose it is some logs
// say, and of which question some say by a number.
func (h *held) mayBe(e Entry) bool {
	return (e.Client == "" || e.Client == h.Client) && (e.serial == "" || h.serial == "" || e.serial == h.serial)
}

// unled ends the wait for what a name leads to where only the order of lines
// would tell whose that is, and another question comes between.
func (p *pairs) unled(e Entry) {
	if e.serial != "" {
		return
	}
	if h := p.find(func(h *held) bool { return h.led && h.serial == "" }); h != nil {
		h.led = false
	}
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
	p.left(h)
	return h, true
}

// resume takes over from an earlier run what stands behind its last place.
func (p *pairs) resume(answers bool, behind []int64) {
	p.answers = p.answers && answers
	p.skip, p.behind = behind, slices.Clone(behind)
}

// left notes what an entry leaves behind its place, and whether it had to wait
// in vain.
func (p *pairs) left(h held) {
	for _, at := range h.lines {
		i, _ := slices.BinarySearch(p.behind, at)
		p.behind = slices.Insert(p.behind, i, at)
	}
	p.passed(h.at)
	if !h.done && h.stage == question && p.answers {
		if p.silent++; p.silent >= unanswered {
			p.answers = false
		}
	}
}

// passed forgets the lines before a place.
func (p *pairs) passed(at int64) {
	n := 0
	for n < len(p.behind) && p.behind[n] <= at {
		n++
	}
	p.behind = slices.Delete(p.behind, 0, n)
}

func (p *pairs) empty() bool { return p.first == len(p.waiting) }
