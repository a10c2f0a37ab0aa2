package main

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"safelight/internal/rules/phrases"
	"safelight/packs"
)

// wordCorpus is phrases and queries made from one seed: words by how often
// people use them, the most frequent taken from the ordinary English lines that
// the packs are tried on.
type wordCorpus struct {
	words   []string // most frequent first
	phrases []string
	queries []string
}

func newWordCorpus() (*wordCorpus, error) {
	shipped, ordinary, err := shippedTexts()
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(64_000, 33))
	c := &wordCorpus{words: byFrequency(ordinary)}
	for have := taken(c.words); len(c.words) < 50_000; {
		if w := syllables(rng); !have[w] {
			have[w] = true
			c.words = append(c.words, w)
		}
	}
	c.makePhrases(rng, shipped)
	c.makeQueries(rng)
	return c, nil
}

// shippedTexts gives every phrase and form of the packs that ship, and the
// English lines that must not be flagged.
func shippedTexts() (texts, ordinary []string, err error) {
	err = fs.WalkDir(packs.FS, ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".yaml" { // weights and lists are no phrases
			return err
		}
		data, err := packs.FS.ReadFile(name)
		if err != nil {
			return err
		}
		var file struct {
			Lang    string
			Phrases []struct {
				Text  string
				Forms []string
			}
			Miss  []any
			Tests struct{ Miss []any }
		}
		if err := yaml.Unmarshal(data, &file); err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		for _, p := range file.Phrases {
			texts = append(append(texts, p.Text), p.Forms...)
		}
		for _, line := range append(file.Miss, file.Tests.Miss...) {
			if text, bare := line.(string); bare && file.Lang == "" {
				ordinary = append(ordinary, text)
			}
		}
		return nil
	})
	return texts, ordinary, err
}

func byFrequency(texts []string) []string {
	counts := map[string]int{}
	for _, text := range texts {
		for _, w := range strings.Fields(strings.ToLower(text)) {
			counts[w]++
		}
	}
	var words []string
	for w := range counts {
		words = append(words, w)
	}
	slices.SortFunc(words, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	return words
}

func taken(words []string) map[string]bool {
	m := map[string]bool{}
	for _, w := range words {
		m[w] = true
	}
	return m
}

// syllables makes a word that can be spoken, of two to five of them.
func syllables(rng *rand.Rand) string {
	var b strings.Builder
	for range 2 + rng.IntN(2) + rng.IntN(2)*rng.IntN(2) {
		b.WriteString([]string{"b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "t", "w", "st", "tr", "ch", "sh", "br", "pl"}[rng.IntN(20)])
		b.WriteString([]string{"a", "e", "i", "o", "u", "ea", "ou", "er", "in", "on"}[rng.IntN(10)])
	}
	return b.String()
}

// makePhrases has the shipped phrases, then others of one to four words, of
// which at least one is rare: nobody lists "to the".
func (c *wordCorpus) makePhrases(rng *rand.Rand, shipped []string) {
	often, rarely := zipf(rng, len(c.words)), func() int { return 500 + rng.IntN(len(c.words)-500) }
	have := map[string]bool{}
	add := func(text string) {
		text = strings.ToLower(strings.Join(strings.Fields(text), " "))
		if !have[text] && (phrases.Phrase{Text: text}).Check() == nil {
			have[text] = true
			c.phrases = append(c.phrases, text)
		}
	}
	for _, text := range shipped {
		add(text)
	}
	for len(c.phrases) < phraseCount {
		n := []int{1, 1, 2, 2, 2, 2, 2, 3, 3, 4}[rng.IntN(10)]
		words := make([]string, n)
		for i := range words {
			words[i] = c.words[often()]
		}
		words[rng.IntN(n)] = c.words[rarely()]
		add(strings.Join(words, " "))
	}
}

// zipf gives ranks as often as people use words of that rank.
func zipf(rng *rand.Rand, n int) func() int {
	z := rand.NewZipf(rng, 1.07, 2.7, uint64(n-1))
	return func() int { return int(z.Uint64()) }
}

// makeQueries writes queries of 33 bytes on average: mostly small letters and
// spaces, some with a number, a capital, an accent or an apostrophe; one in
// fifty has a phrase of the list in it, one in a hundred is disguised.
func (c *wordCorpus) makeQueries(rng *rand.Rand) {
	often := zipf(rng, len(c.words))
	for range queryCount {
		var words []string
		if rng.IntN(50) == 0 {
			words = append(words, c.phrases[rng.IntN(len(c.phrases))])
		}
		for want := 8 + rng.IntN(44); len(strings.Join(words, " ")) < want; {
			words = append(words, c.words[often()])
		}
		rng.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
		q := strings.Join(words, " ")
		switch rng.IntN(100) {
		case 0:
			q = strings.NewReplacer("e", "3", "a", "4", "o", "0").Replace(q)
		case 1, 2:
			q = strings.Replace(q, "e", "é", 1)
		case 3, 4, 5, 6:
			q += fmt.Sprintf(" %d", 1900+rng.IntN(130))
		case 7, 8, 9, 10:
			q = strings.ToUpper(q[:1]) + q[1:]
		case 11, 12:
			q = strings.Replace(q, "s ", "'s ", 1)
		}
		c.queries = append(c.queries, q)
	}
}

// list numbers the phrases.
func (c *wordCorpus) list() []phrases.Phrase {
	out := make([]phrases.Phrase, len(c.phrases))
	for i, text := range c.phrases {
		out[i] = phrases.Phrase{Ref: uint32(i), Text: text}
	}
	return out
}
