package phrases

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// builder gathers phrases as plain Go, before they are laid out flat.
type builder struct {
	s      Scratch
	words  []string // by id-1
	number map[string]uint32
	nodes  []bnode // by number; 0 is the root
	next   map[edge]uint32
	groups []group
	sets   map[string]uint32 // nodes of sets, by their words
	spelt  map[string]*spelt
	parts  []part
	meant  [][]uint32 // words, by id-1 of the spelling
}

type edge struct{ node, word uint32 }

type bnode struct {
	parent, word uint32
	kids         bool
	ends         []uint32 // refs
	last         int      // place in the list of the last phrase that ends here
	groups       []member
	sets         []uint32
	kept         bool   // where it stood is remembered, for a later element in order
	set          string // the first word of those whose set this is
}

// ending counts what ends at a node itself.
func (n *bnode) ending() int {
	count := len(n.ends) + len(n.groups) + len(n.sets)
	if n.kept {
		count++
	}
	return count
}

type member struct{ group, element uint32 }

type group struct {
	ref      uint32
	within   int
	headOnly bool
	ordered  bool
	nodes    []uint32
}

// spelt is a phrase of several words written as one.
type spelt struct {
	refs  []uint32
	words []uint32
}

type part struct {
	text string
	ref  uint32
}

// Build lays phrases out as a table, to be found in other spellings too. The same
// lists give the same bytes. The error for a phrase that cannot be looked for is a
// *BadPhrase, for a spelling that cannot be read a *BadSpelling.
func Build(list []Phrase, spellings ...Spelling) ([]byte, error) {
	b := &builder{
		number: map[string]uint32{}, next: map[edge]uint32{}, sets: map[string]uint32{}, spelt: map[string]*spelt{}, nodes: make([]bnode, 1),
	}
	if err := b.addSpellings(spellings); err != nil {
		return nil, err
	}
	for i, p := range list {
		bad := p.Check()
		if bad == nil {
			bad = b.add(i, p)
		}
		if bad != nil {
			bad.Index = i
			return nil, bad
		}
	}
	if bad := b.shared(); bad != nil {
		return nil, bad
	}
	b.sortNodes()
	return b.layOut()
}

func (b *builder) add(i int, p Phrase) *BadPhrase {
	if len(p.All) > 0 {
		b.addGroup(i, p)
		return nil
	}
	words, _ := tokens(&b.s, p.Text) // checked
	if p.Part {
		b.parts = append(b.parts, part{words[0], p.Ref})
		if len(b.parts) > MaxParts {
			return bad(fmt.Sprintf("more than %d parts of words", MaxParts), "write whole words: parts are costly, and flag what is not meant")
		}
		return nil
	}
	n := &b.nodes[b.walk(words)]
	if slices.Contains(n.ends, p.Ref) {
		return nil
	}
	n.ends, n.last = append(n.ends, p.Ref), i
	if len(words) > 1 && !p.NoSpelledOut {
		b.addSpelt(words, p.Ref)
	}
	return nil
}

// shared refuses what makes more phrases end on one way than Search tells of.
func (b *builder) shared() *BadPhrase {
	sum := make([]int, len(b.nodes)) // nodes come after their parents
	for i, n := range b.nodes[1:] {
		sum[i+1] = sum[n.parent] + n.ending()
		last := n.last
		for _, set := range n.sets {
			sum[i+1] += b.nodes[set].ending()
			last = max(last, b.nodes[set].last)
		}
		if sum[i+1] > maxShared {
			bad := bad(fmt.Sprintf("the words %q and what they begin with are in more than %d rules, and this is one of them", b.path(uint32(i+1)), maxShared), "leave them to fewer rules")
			bad.Index = last
			return bad
		}
	}
	return nil
}

// path gives the words that lead to a node.
func (b *builder) path(node uint32) string {
	if set := b.nodes[node].set; set != "" {
		return clip(set)
	}
	var words []string
	for ; node != 0; node = b.nodes[node].parent {
		words = append(words, b.words[b.nodes[node].word-1])
	}
	slices.Reverse(words)
	return clip(strings.Join(words, " "))
}

func (b *builder) addGroup(place int, p Phrase) {
	g := group{ref: p.Ref, within: p.Within, headOnly: p.HeadOnly, ordered: p.Ordered}
	index := uint32(len(b.groups))
	for i, choice := range p.All {
		at := b.element(choice)
		n := &b.nodes[at]
		if n.last = place; p.Ordered && i < len(p.All)-1 {
			n.kept = true // the last element alone completes it
		} else {
			n.groups = append(n.groups, member{index, uint32(i)})
		}
		g.nodes = append(g.nodes, at)
	}
	b.groups = append(b.groups, g)
}

// element gives the node where any one of some texts ends.
func (b *builder) element(texts []string) uint32 {
	var nodes []uint32
	for _, text := range texts {
		words, _ := elementTokens(&b.s, text) // checked
		nodes = append(nodes, b.walk(words))
	}
	slices.Sort(nodes)
	if nodes = slices.Compact(nodes); len(nodes) == 1 {
		return nodes[0]
	}
	key := fmt.Sprint(nodes)
	set, there := b.sets[key]
	if there {
		return set
	}
	set = uint32(len(b.nodes))
	b.nodes = append(b.nodes, bnode{set: texts[0]})
	b.sets[key] = set
	for _, at := range nodes {
		b.nodes[at].sets = append(b.nodes[at].sets, set)
	}
	return set
}

// walk goes from the root along words and makes the way where there is none.
func (b *builder) walk(words []string) (node uint32) {
	for _, w := range words {
		id := b.id(w)
		child, ok := b.next[edge{node, id}]
		if !ok {
			child = uint32(len(b.nodes))
			b.nodes[node].kids = true
			b.nodes = append(b.nodes, bnode{parent: node, word: id})
			b.next[edge{node, id}] = child
		}
		node = child
	}
	return node
}

func (b *builder) id(w string) uint32 {
	id := b.number[w]
	if id == 0 {
		b.words = append(b.words, w)
		id = uint32(len(b.words))
		b.number[w] = id
	}
	return id
}

func (b *builder) addSpelt(words []string, ref uint32) {
	ids, row := make([]uint32, len(words)), ""
	for i, w := range words {
		ids[i] = b.id(w)
		row += w
	}
	first := b.spelt[row]
	if first == nil {
		b.spelt[row] = &spelt{refs: []uint32{ref}, words: ids}
		return
	}
	// The words need not be the same: what is compared is the row of letters.
	if !slices.Contains(first.refs, ref) {
		first.refs = append(first.refs, ref)
	}
}

// sortNodes gives nodes with ends the low numbers, else in the order of the
// list.
func (b *builder) sortNodes() {
	order := make([]uint32, 0, len(b.nodes))
	for pass := range 2 {
		for i := 1; i < len(b.nodes); i++ {
			if n := &b.nodes[i]; (n.ending() > 0) == (pass == 0) {
				order = append(order, uint32(i))
			}
		}
	}
	to := make([]uint32, len(b.nodes))
	nodes := make([]bnode, 1, len(b.nodes))
	for i, old := range order {
		to[old] = uint32(i + 1)
		nodes = append(nodes, b.nodes[old])
	}
	for i := range nodes {
		nodes[i].parent = to[nodes[i].parent]
		for k, set := range nodes[i].sets {
			nodes[i].sets[k] = to[set]
		}
	}
	for _, g := range b.groups {
		for i := range g.nodes {
			g.nodes[i] = to[g.nodes[i]]
		}
	}
	b.nodes = nodes
	clear(b.next)
	for i, n := range nodes[1:] {
		if n.word != 0 {
			b.next[edge{n.parent, n.word}] = uint32(i + 1)
		}
	}
}

// flagged writes a node's number with what is worth knowing of it.
func (b *builder) flagged(node uint32) uint32 {
	n := b.nodes[node]
	if n.kids {
		node |= hasKids
	}
	if n.ending() > 0 {
		node |= hasEnds
	}
	return node
}

// layOut writes the header and the sections.
func (b *builder) layOut() ([]byte, error) {
	if len(b.nodes) > nodeID {
		return nil, errors.New("building the phrase table: too many phrases: split the list")
	}
	var sec [sections][]byte
	if err := b.layWords(&sec); err != nil {
		return nil, err
	}
	places := b.layGroups(&sec)
	if len(sec[secGroups])/4 > groupAt {
		return nil, errors.New("building the phrase table: too many words apart: split the list")
	}
	b.layEnds(&sec, places)
	b.layMeant(&sec)
	if err := b.layEdges(&sec); err != nil {
		return nil, err
	}
	if err := b.laySpelt(&sec); err != nil {
		return nil, err
	}
	if err := b.layClasses(&sec); err != nil {
		return nil, err
	}
	if err := b.layParts(&sec); err != nil {
		return nil, err
	}
	return assemble(&sec)
}

// assemble puts sections one behind the other, each on a multiple of eight.
func assemble(sec *[sections][]byte) ([]byte, error) {
	out := append(make([]byte, 0, headerSize), magic...)
	out = binary.LittleEndian.AppendUint32(out, version)
	out = binary.LittleEndian.AppendUint32(out, sections)
	at := headerSize
	for _, s := range sec {
		out = binary.LittleEndian.AppendUint32(out, uint32(at))
		out = binary.LittleEndian.AppendUint32(out, uint32(len(s)))
		at += (len(s) + 7) &^ 7
	}
	if uint64(at) > 1<<31 {
		return nil, errors.New("building the phrase table: larger than 2 GB: split the list")
	}
	for _, s := range sec {
		out = append(out, s...)
		for len(out)%8 != 0 {
			out = append(out, 0)
		}
	}
	return out, nil
}
