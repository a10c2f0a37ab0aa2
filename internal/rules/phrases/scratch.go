package phrases

// Hit is a phrase found in a text.
type Hit struct {
	Ref        uint32
	Start, End int // its bytes in the text
	How        How // what had to be read into it

	from, to uint32 // what it was read as, in Scratch.said

	first, last uint32 // its words, in Scratch.parts, where they stand apart
}

// span is a stretch of the text, in bytes.
type span struct{ start, end uint32 }

// word is a folded word and the span of the text it was read from.
type word struct {
	from, to   uint32 // in Scratch.buf
	start, end uint32 // in the text
	sight
}

// sight is what is known of a word besides; mostly nothing.
type sight struct {
	id      uint32 // its number in the table; 0 if no phrase has it
	node    uint32 // where phrases that begin with it go on; 0 if none does
	alt     uint32 // 1 + place of the words it may be a stretched spelling of
	how     How
	letters bool // all of it single letters that were put together
	glued   bool // a character of a script without spaces
}

// Scratch is the room one text is read in. The same one is used again and
// again, by one goroutine at a time, so that searching allocates nothing. The
// zero value is ready; what Search returned is good until the next Search.
type Scratch struct {
	// Listener hears of each reading of a text that Search makes, if there is one.
	Listener Listener

	buf    []byte // folded words; longer than what is used, see reset
	n      int    // bytes of it in use
	words  []word
	spoken []word   // those words in other spellings, while they are looked at
	hashes []uint64 // of words, see lookWords
	hits   []Hit
	said   []byte // what hits were read as, for those that are not plain
	parts  []span // the elements of hits whose words stand apart
	elems  []span // those of the hit that is being told of
	steps  int
	seen   seen
	near   near
	table  *Table // that was searched last

	lone    bool // see join
	rowLeet bool // the text holds a row of single letters that a leet reading would change
	rowOne  bool // ... and differently for i and for l
	drawn   bool // see drawn
	joined  bool // this reading has put words together
	touched byte // kept so that touching is not optimised away

	scan
}

// MaxText bounds a text; what is longer is read up to there.
const MaxText = 1 << 28

// reset makes room for one reading of text and its merged words. A fold is at
// most twice as long as what it was folded from; merging and tracing take as
// much again; and words are compared eight bytes at a time, past their end.
func (s *Scratch) reset(text string) {
	if want := 6*len(text) + 32; len(s.buf) < want {
		s.buf = make([]byte, want+want/4)
	}
	s.n, s.words = 0, s.words[:0]
}

// begin makes a Scratch ready for a new text.
func (s *Scratch) begin(t *Table) {
	s.table = t
	s.hits, s.said, s.parts, s.steps = s.hits[:0], s.said[:0], s.parts[:0], 0
	s.seen.clear()
	s.rowLeet, s.rowOne, s.drawn = false, false, false
}

// Steps counts the work of the last search: letters folded, words and phrases
// looked up, hits written. It grows with the text and not with the clock.
func (s *Scratch) Steps() int { return s.steps }

// ReadAs gives the folded words of a hit of the last search, "self harm" for
// "s3lf h4rm"; empty if it was read plainly.
func (s *Scratch) ReadAs(h Hit) string { return string(s.said[h.from:h.to]) }

func (s *Scratch) bytes(w word) []byte { return s.buf[w.from:w.to] }

// Share says whether two hits of the last search were read from a word of the text
// that is the same. What stands between the elements of a phrase is not of it.
func (s *Scratch) Share(a, b Hit) bool {
	if a.Start >= b.End || b.Start >= a.End {
		return false
	}
	var one, other [1]span
	for _, x := range s.spansOf(&a, &one) {
		for _, y := range s.spansOf(&b, &other) {
			s.steps++
			if x.start < y.end && y.start < x.end {
				return true
			}
		}
	}
	return false
}

// Letters counts the bytes of the text that a hit of the last search was read from,
// without what stands between the elements of a phrase.
func (s *Scratch) Letters(h Hit) (n int) {
	var one [1]span
	for _, x := range s.spansOf(&h, &one) {
		n += int(x.end - x.start)
	}
	return n
}

// spansOf gives the spans of a hit, in room where it has but one.
func (s *Scratch) spansOf(h *Hit, room *[1]span) []span {
	if h.first == h.last {
		room[0] = span{uint32(h.Start), uint32(h.End)}
		return room[:]
	}
	return s.parts[h.first:h.last]
}

// element notes that words i to j are one of the hit that is told of next.
func (s *Scratch) element(i, j int32) {
	s.elems = append(s.elems, span{s.words[i].start, s.words[j].end})
}

// report keeps a hit unless an earlier, milder reading found it too. Words i to
// j are what it was read from.
func (s *Scratch) report(ref uint32, how How, start, end uint32, i, j int) {
	s.steps++
	h := Hit{Ref: ref, Start: int(start), End: int(end), How: how}
	elems := s.elems
	s.elems = s.elems[:0]
	if !s.seen.add(s.hits, h) {
		return
	}
	h.from = uint32(len(s.said))
	if how != 0 {
		s.say(i, j)
	}
	h.to = uint32(len(s.said))
	h.first = uint32(len(s.parts))
	s.parts = append(s.parts, elems...)
	h.last = uint32(len(s.parts))
	s.hits = append(s.hits, h)
}

// say writes words i to j.
func (s *Scratch) say(i, j int) {
	for k := i; k <= j; k++ {
		w := s.words[k]
		if k > i && !(w.glued && s.words[k-1].glued && s.words[k-1].end == w.start) {
			s.said = append(s.said, ' ')
		}
		b := s.bytes(w)
		if w.id != 0 && (w.alt != 0 || w.how&Respelt != 0) {
			b = s.table.spell(w.id)
		}
		s.said = append(s.said, b...)
		s.steps += len(b)
	}
}
