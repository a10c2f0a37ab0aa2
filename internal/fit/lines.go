package main

import (
	"cmp"
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
	held     bool
	features []int32
}

// corpus is all lines, by the features they have.
type corpus struct {
	categories []string
	lines      []line
	index      map[string]int32
	features   []string
	reader     *reader
}

// readCorpus reads lines beneath root, and what the packs there say of spellings
// and of lines that nothing may flag.
func readCorpus(root string) (*corpus, error) {
	files, err := packdir.Read(filepath.Join(root, "packs"))
	if err != nil {
		return nil, err
	}
	outline, err := rules.OutlineOf(files)
	if err != nil {
		return nil, fmt.Errorf("reading the packs: %w", err)
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
	c := &corpus{index: map[string]int32{}}
	if c.reader, err = newReader(outline, never, bodies); err != nil {
		return nil, fmt.Errorf("reading spellings: %w", err)
	}
	if err := c.readEvasive(fsys, outline); err != nil {
		return nil, err
	}
	if err := c.readOrdinary(fsys); err != nil {
		return nil, err
	}
	return c, c.readPacks(files)
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

// packLines are the lines of a pack's file that say what is flagged and what is not.
type packLines struct {
	Category, Extends, Lang string

	Tests struct{ Hit, Miss []yaml.Node }
	Miss  []yaml.Node // of the protected pack
}

// readPacks takes the lines of the packs' own tests, and of the protected pack: those
// to flag only in English, which the lines beside them are in.
func (c *corpus) readPacks(files map[string][]byte) error {
	for _, name := range sortedKeys(files) {
		var p packLines
		if path.Ext(name) != ".yaml" {
			continue
		}
		if err := yaml.Unmarshal(files[name], &p); err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		if at := slices.Index(c.categories, cmp.Or(p.Category, p.Extends)); at >= 0 && (p.Lang == "" || p.Lang == "en") {
			c.putNodes(p.Tests.Hit, at)
		}
		c.putNodes(p.Tests.Miss, -1)
		c.putNodes(p.Miss, -1)
	}
	return nil
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

func (c *corpus) readEvasive(fsys fs.FS, outline *rules.Outline) error {
	names, err := fs.Glob(fsys, linesDir+"/evasive/*.txt")
	if err != nil {
		return err
	}
	for _, name := range names {
		id := strings.TrimSuffix(path.Base(name), ".txt")
		if !slices.ContainsFunc(outline.Categories, func(o rules.OutlineCategory) bool { return o.ID == id }) {
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
	lines, err := texts(fsys, names...)
	if err != nil {
		return err
	}
	for _, text := range lines {
		c.put(text, -1, false)
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

func (c *corpus) put(text string, category int, held bool) {
	l := line{text: text, category: category, held: held}
	for _, f := range c.reader.features(text) {
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
