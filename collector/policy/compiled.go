package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"

	"safelight/internal/rules"
)

// A change is compared, checked, proposed, tried and published within minutes, and
// to compile what ships takes the better part of a second. What was compiled last
// is remembered by its content: rules never change once they are compiled, so that
// all may share them.
var recent memory

// remembered bounds the memory: the rules in force and those that are to follow.
const remembered = 2

type memory struct {
	mu   sync.Mutex
	last []*compiled // newest last
}

type compiled struct {
	sum [sha256.Size]byte

	mu      sync.Mutex
	set     *rules.Ruleset
	outline *rules.Outline
	holds   bool // every test that the files carry passes
}

// of gives the place of these files.
func (m *memory) of(files map[string][]byte) *compiled {
	sum := content(files)
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.IndexFunc(m.last, func(c *compiled) bool { return c.sum == sum })
	c := &compiled{sum: sum}
	if at >= 0 {
		c = m.last[at]
		m.last = slices.Delete(m.last, at, at+1)
	}
	m.last = append(m.last, c)
	if len(m.last) > remembered {
		m.last = slices.Delete(m.last, 0, 1)
	}
	return c
}

func content(files map[string][]byte) [sha256.Size]byte {
	h := sha256.New()
	for _, name := range sortedNames(files) {
		for _, part := range [][]byte{[]byte(name), files[name]} {
			_ = binary.Write(h, binary.LittleEndian, uint64(len(part))) // a hash takes everything
			h.Write(part)
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// compile is rules.Compile with a memory.
func compile(files map[string][]byte) (*rules.Ruleset, error) {
	c := recent.of(files)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.compile(files)
}

func (c *compiled) compile(files map[string][]byte) (*rules.Ruleset, error) {
	if c.set != nil {
		return c.set, nil
	}
	set, err := rules.Compile(files)
	if err != nil {
		return nil, err
	}
	c.set = set
	return set, nil
}

// outline is rules.OutlineOf with a memory.
func outline(files map[string][]byte) (*rules.Outline, error) {
	c := recent.of(files)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outline != nil {
		return c.outline, nil
	}
	o, err := rules.OutlineOf(files)
	if err != nil {
		return nil, err
	}
	c.outline = o
	return o, nil
}

// check gives what is wrong with files that compile.
func check(files map[string][]byte) (*rules.Ruleset, []rules.Problem, error) {
	c := recent.of(files)
	c.mu.Lock()
	defer c.mu.Unlock()
	set, err := c.compile(files)
	if err != nil || c.holds {
		return set, nil, err
	}
	problems := set.Check()
	c.holds = len(problems) == 0
	return set, problems, nil
}
