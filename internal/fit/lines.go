package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"safelight/internal/packdir"
	"safelight/internal/packdir/heldback"
	"safelight/internal/rules"
	"safelight/internal/rules/phrases"
	"safelight/internal/rules/weighed"
)

const (
	linesDir = "internal/fit/lines"
	packDir  = "packs/starter"
	listsDir = "internal/packdir/testdata/words"
)

// line is one line; category is -1 where nothing should notice it.
type line struct {
	text     string
	category int
	// held is an ordinary line that may never flag: of the packs' own tests, or
	// protected.
	held bool
	// least is how many points flag it: fewer where it asks for help.
	least int
	words int
	// near is an ordinary line that was written to share words with one category.
	near     bool
	features []int32
}

// corpus is all lines, by the features they have.
type corpus struct {
	categories []string
	lines      []line
	index      map[string]int32
	features   []string
	reader     *reader
	digest     string // of the files in lines
}

// readCorpus reads lines beneath root, and what the packs there say of spellings
// and of lines that nothing may flag.
func readCorpus(root string) (*corpus, error) {
	files, err := packdir.Read(filepath.Join(root, "packs"))
	if err != nil {
		return nil, err
	}
	packs, err := parsePacks(files)
	if err != nil {
		return nil, err
	}
	fsys := os.DirFS(root)
	never, err := texts(fsys, linesDir+"/identity.txt")
	if err != nil {
		return nil, err
	}
	bodies, err := texts(fsys, linesDir+"/bodies.txt", linesDir+"/small-words.txt", listsDir+"/names.txt")
	if err != nil {
		return nil, err
	}
	digest, err := digestOf(fsys)
	if err != nil {
		return nil, err
	}
	c := &corpus{digest: digest, index: map[string]int32{}}
	if c.reader, err = newReader(spellingsOf(packs), never, bodies); err != nil {
		return nil, fmt.Errorf("reading spellings: %w", err)
	}
	if err := c.readEvasive(fsys, packs); err != nil {
		return nil, err
	}
	if err := c.readOrdinary(fsys); err != nil {
		return nil, err
	}
	c.readPacks(packs)
	return c, nil
}

// digestOf tells the files in lines apart from any others, to whoever asks whether
// weights were made from them.
func digestOf(fsys fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(fsys, linesDir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		fmt.Fprintf(sum, "%s %d\n", name, len(data))
		sum.Write(data)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("reading lines: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}

// texts gives the lines of some files.
func texts(fsys fs.FS, names ...string) (out []string, err error) {
	for _, name := range names {
		lines, err := heldback.Read(fsys, name)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			out = append(out, l.Text)
		}
	}
	return out, nil
}

// spellingsOf gives how people spell, as the packs say.
func spellingsOf(packs []packLines) (out []phrases.Spelling) {
	for _, p := range packs {
		for _, s := range p.Spellings {
			for _, typed := range s.Typed {
				out = append(out, phrases.Spelling{Typed: typed, Meant: s.Means})
			}
		}
	}
	return out
}

// packLines are the lines of a pack's file that say what is flagged and what is not.
type packLines struct {
	Category, Extends, Lang string

	Tests struct{ Hit, Miss []yaml.Node }
	Miss  []yaml.Node // of the protected pack

	Spellings []struct {
		Means string
		Typed []string
	}
}

// parsePacks reads the packs' files.
func parsePacks(files map[string][]byte) ([]packLines, error) {
	var out []packLines
	for _, name := range sortedKeys(files) {
		if path.Ext(name) != ".yaml" {
			continue
		}
		var p packLines
		if err := yaml.Unmarshal(files[name], &p); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// readPacks takes the lines of the packs' own tests, and of the protected pack: those
// to flag only in English, which the lines beside them are in.
func (c *corpus) readPacks(packs []packLines) {
	for _, p := range packs {
		if at := slices.Index(c.categories, cmp.Or(p.Category, p.Extends)); at >= 0 && (p.Lang == "" || p.Lang == "en") {
			c.putNodes(p.Tests.Hit, at)
		}
		c.putNodes(p.Tests.Miss, -1)
		c.putNodes(p.Miss, -1)
	}
}

// putNodes takes in the search lines among some, bare or as {search: ...}.
func (c *corpus) putNodes(nodes []yaml.Node, category int) {
	for _, n := range nodes {
		text := n.Value
		for i := 0; i+1 < len(n.Content); i += 2 {
			switch n.Content[i].Value {
			case "search":
				text = n.Content[i+1].Value
			case "lang":
				return
			}
		}
		if text != "" {
			c.put(text, category, category < 0)
		}
	}
}

func (c *corpus) readEvasive(fsys fs.FS, packs []packLines) error {
	names, err := fs.Glob(fsys, linesDir+"/evasive/*.txt")
	if err != nil {
		return err
	}
	for _, name := range names {
		id := strings.TrimSuffix(path.Base(name), ".txt")
		if !slices.ContainsFunc(packs, func(p packLines) bool { return p.Category == id }) {
			return fmt.Errorf("reading %s: no pack has the category %q: rename the file", name, id)
		}
		lines, err := texts(fsys, name)
		if err != nil {
			return err
		}
		c.categories = append(c.categories, id)
		for _, text := range lines {
			c.put(text, len(c.categories)-1, false)
		}
	}
	return nil
}

func (c *corpus) readOrdinary(fsys fs.FS) error {
	names, err := fs.Glob(fsys, linesDir+"/ordinary/*.txt")
	if err != nil {
		return err
	}
	for _, name := range names {
		lines, err := texts(fsys, name)
		if err != nil {
			return err
		}
		for _, text := range lines {
			c.put(text, -1, strings.HasPrefix(path.Base(name), "held-"))
			c.lines[len(c.lines)-1].near = strings.HasPrefix(path.Base(name), "near-")
		}
	}
	list, err := heldback.Read(fsys, listsDir+"/ordinary.txt")
	if err != nil {
		return err
	}
	for _, l := range list {
		if !l.Held {
			c.put(l.Text, -1, false)
		}
	}
	return nil
}

// textsOf gives the words of a line, and each two side by side.
func (c *corpus) textsOf(l line) (out []string) {
	for _, f := range l.features {
		out = append(out, c.features[f])
	}
	return out
}

func (c *corpus) put(text string, category int, held bool) {
	l := line{text: text, category: category, held: held, least: weighed.Enough}
	if c.reader.asksForHelp(text) {
		l.least = rules.EnoughBesideHelp
	}
	features := c.reader.features(text)
	l.words = len(c.reader.words)
	for _, f := range features {
		n, ok := c.index[f]
		if !ok {
			n = int32(len(c.features))
			c.index[f] = n
			c.features = append(c.features, f)
		}
		l.features = append(l.features, n)
	}
	c.lines = append(c.lines, l)
}

// sortedKeys is for whoever writes: the same files, in the same order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
