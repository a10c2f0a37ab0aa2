package server

import "slices"

// queue is where connections wait for their handshakes, in order at each address,
// the addresses in turn: one that floods does not hold up the others. limited.mu
// guards it.
type queue struct {
	len   int
	lines map[string][]*guest
	turns []string // the addresses that have a line
}

func (q *queue) join(g *guest) {
	if q.lines == nil {
		q.lines = map[string][]*guest{}
	}
	if len(q.lines[g.address]) == 0 {
		q.turns = append(q.turns, g.address)
	}
	g.turn = make(chan struct{})
	q.lines[g.address] = append(q.lines[g.address], g)
	q.len++
}

// leave takes out the first of the next address that has room; nil: there is none.
func (q *queue) leave(room func(address string) bool) *guest {
	i := slices.IndexFunc(q.turns, room)
	if i < 0 {
		return nil
	}
	address := q.turns[i]
	q.turns = append(slices.Delete(q.turns, i, i+1), address)
	g := q.lines[address][0]
	q.drop(g)
	return g
}

// drop takes out who has gone, and says whether it was there.
func (q *queue) drop(g *guest) bool {
	line := q.lines[g.address]
	i := slices.Index(line, g)
	if i < 0 {
		return false
	}
	q.len--
	if line[i] = nil; i == 0 {
		line = line[1:] // the front is where nearly all leave
	} else {
		line = slices.Delete(line, i, i+1)
	}
	if q.lines[g.address] = line; len(line) == 0 {
		delete(q.lines, g.address)
		q.turns = slices.DeleteFunc(q.turns, func(a string) bool { return a == g.address })
	}
	return true
}
