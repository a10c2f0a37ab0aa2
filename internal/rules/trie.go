package rules

// ref points from the end of a phrase in the trie to what it means.
type ref struct {
	cat   int32 // index of its category; helpCat for the built-in help words
	rule  int32 // index into the category's phrases; allowRule for an allow phrase
	tier  tier
	allow bool
	host  bool // may match in host names
	text  bool // may match in search words
}

const helpCat = -1

// hit is a phrase found in a text.
type hit struct {
	ref
	start, end int
}

// trie finds whole-word phrases. Words are numbered; a phrase is a walk over
// numbers from the root 0:
//
//	"kill myself"  0 --kill--> 4 --myself--> 9 {self-harm/sh-001}
//
// A text of n words costs at most n walks of maxWords steps, each one look into
// a map, however many phrases there are.
type trie struct {
	vocab map[string]uint32 // folded word -> its number, from 1
	// squeezed maps a word without doubled letters to the word, for stretched
	// spellings: "suiciiide".
	squeezed map[string]uint32
	next     map[uint64]uint32 // node<<32|word -> node
	ends     map[uint32][]ref
	// compact holds phrases of several words written as one, for spelled-out
	// ones: "k i l l m y s e l f". Ordinary words never look here, else
	// "the rapist" would flag every therapist.
	compact map[string][]ref
	nodes   uint32
}

// maxWords bounds a phrase, and so the cost of a text.
const maxWords = 12

func newTrie() *trie {
	return &trie{
		vocab: map[string]uint32{}, squeezed: map[string]uint32{}, next: map[uint64]uint32{},
		ends: map[uint32][]ref{}, compact: map[string][]ref{},
	}
}

// add puts a phrase in; it reports how many words it has. Nothing is added for
// none or more than maxWords.
func (t *trie) add(text string, r ref) int {
	s := scan{sentence: &sentence{}, text: text}
	s.read()
	n := len(s.words)
	if n == 0 || n > maxWords {
		return n
	}
	node, whole := uint32(0), []byte(nil)
	for _, w := range s.words {
		node = t.step(node, t.number(s.bytes(w)))
		whole = append(whole, s.bytes(w)...)
	}
	t.ends[node] = append(t.ends[node], r)
	if n > 1 && !r.allow {
		t.compact[string(whole)] = append(t.compact[string(whole)], r)
	}
	return n
}

func (t *trie) number(w []byte) uint32 {
	if n := t.vocab[string(w)]; n != 0 {
		return n
	}
	n := uint32(len(t.vocab) + 1)
	t.vocab[string(w)] = n
	short, _ := squeeze(nil, w)
	if t.squeezed[string(short)] == 0 {
		t.squeezed[string(short)] = n
	}
	return n
}

func (t *trie) step(node, word uint32) uint32 {
	key := uint64(node)<<32 | uint64(word)
	if next, ok := t.next[key]; ok {
		return next
	}
	t.nodes++
	t.next[key] = t.nodes
	return t.nodes
}

// lookup gives a word's number; 0 means that no phrase has it.
func (t *trie) lookup(w []byte) uint32 {
	if n := t.vocab[string(w)]; n != 0 {
		return n
	}
	var room [48]byte
	if len(w) > len(room) {
		return 0
	}
	if short, stretched := squeeze(room[:0], w); stretched {
		return t.squeezed[string(short)]
	}
	return 0
}

// find appends to s.hits every phrase in the words of s.
func (t *trie) find(s *sentence) {
	for i := range s.words {
		node := uint32(0)
		for j := i; j < len(s.words) && j < i+maxWords; j++ {
			s.steps++
			n := t.lookup(s.bytes(s.words[j]))
			if n == 0 {
				break
			}
			next, ok := t.next[uint64(node)<<32|uint64(n)]
			if !ok {
				break
			}
			node = next
			s.found(t.ends[node], s.words[i].start, s.words[j].end)
		}
		if s.words[i].compact {
			s.found(t.compact[string(s.bytes(s.words[i]))], s.words[i].start, s.words[i].end)
		}
	}
}

func (s *sentence) found(refs []ref, start, end int) {
	for _, r := range refs {
		s.hits = append(s.hits, hit{r, start, end})
	}
}

// search reads text in every way it may be meant and leaves what was found in
// s.hits: plain, with digits and signs as letters, and put back together.
func (t *trie) search(s *sentence, text string) {
	s.hits, s.steps = s.hits[:0], 0
	plain := scan{sentence: s, text: text}
	plain.read()
	t.find(s)
	if s.join(text) {
		t.find(s)
	}
	if !plain.sawLeet {
		return
	}
	for _, one := range []byte{'i', 'l'} {
		again := scan{sentence: s, text: text, one: one}
		again.read()
		t.find(s)
		if s.join(text) {
			t.find(s)
		}
		if !plain.sawOne {
			return
		}
	}
}

// plain reads text in the plain way only: host names are no place for guesses.
func (t *trie) plain(s *sentence, text string) {
	s.hits, s.steps = s.hits[:0], 0
	one := scan{sentence: s, text: text}
	one.read()
	t.find(s)
}
