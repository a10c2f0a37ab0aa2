package phrases

// Listener hears in what words a text is read. A reading is good until Heard
// returns.
type Listener interface{ Heard(Reading) }

// Reading is a text read in one way, in its usual spelling.
type Reading struct{ s *Scratch }

// Len counts its words.
func (r Reading) Len() int { return len(r.s.words) }

// Word gives a word, folded, its bytes in the text, and what had to be read into
// it. Of the words that a stretched one may be it is the first.
func (r Reading) Word(i int) (text []byte, start, end int, how How) {
	w := r.s.words[i]
	text = r.s.bytes(w)
	switch {
	case w.id != 0 && (w.alt != 0 || w.how&Respelt != 0):
		text = r.s.table.spell(w.id)
	case w.id == 0 && w.alt != 0:
		text = r.s.table.squeezedTo(r.s, text, w.alt)
	}
	return text, int(w.start), int(w.end), w.how
}

// squeezedTo gives the first word that text is a stretched spelling of, or text.
func (t *Table) squeezedTo(s *Scratch, text []byte, alt uint32) []byte {
	for at, n := 2*(alt-1), 0; n < MaxWords; at, n = at+2, n+1 {
		id := t.members.at(at)
		spelled := t.spell(id &^ lastOne)
		s.steps += 1 + len(spelled)/8
		if len(spelled) > 0 && squeezed(spelled, text) {
			return spelled
		}
		if id == 0 || id&lastOne != 0 {
			break
		}
	}
	return text
}
