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

// list is what weights are made for: a category's lines in English, or in a language
// as the names of the packs' files have it (pl, ur-latn).
type list struct{ category, lang string }

// file names a list's file of weights, as the category's own file is named.
func (l list) file() string {
	if l.lang == "" {
		return l.category + ".txt"
	}
	return l.category + "-" + l.lang + ".txt"
}

// kind is what an ordinary line was written for, as its file's name begins.
type kind uint8

const (
	mixed kind = iota
	near       // near-: it shares words with one category
	asked      // asked-: as people ask a search engine, of anything
	parts      // parts-: put together from parts, so that there are many of a shape
)

func kindOf(file string) kind {
	for k, prefix := range map[kind]string{near: "near-", asked: "asked-", parts: "parts-"} {
		if strings.HasPrefix(file, prefix) {
			return k
		}
	}
	return mixed
}

// line is one line; list is -1 where nothing should notice it.
type line struct {
	list int
	lang string // "" for English
	// held is an ordinary line that may never flag: of the packs' own tests, or
	// protected.
	held bool
	// least is how many points flag it: fewer where it asks for help.
	least    int
	words    int
	kind     kind // of an ordinary line
	features []int32
}

// corpus is all lines, by the features they have.
type corpus struct {
	lists    []list
	lines    []line
	index    map[string]int32
	features []string
	readers  map[string]*reader // by language
	digest   string             // of the files in lines
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
	digest, err := digestOf(fsys)
	if err != nil {
		return nil, err
	}
	c := &corpus{digest: digest, index: map[string]int32{}, readers: map[string]*reader{}}
	for _, read := range []func(fs.FS, []packLines) error{c.readWords, c.readEvasive, c.readOrdinary, c.readLanguages} {
		if err := read(fsys, packs); err != nil {
			return nil, err
		}
	}
	c.readPacks(packs)
	return c, nil
}

// readWords makes the reader of each language: of the words of who somebody is, here
// or there, nothing is learnt, and of bodies, sexes, names and small words nothing by themselves.
func (c *corpus) readWords(fsys fs.FS, packs []packLines) error {
	langs, err := languages(fsys)
	if err != nil {
		return err
	}
	for _, lang := range append(langs, "") {
		u, err := unspokenIn(fsys, lang)
		if err != nil {
			return err
		}
		if c.readers[lang], err = newReader(spellingsOf(packs), u); err != nil {
			return fmt.Errorf("reading spellings: %w", err)
		}
	}
	return nil
}

// languages gives the languages that have lines, English apart: without ordinary ones
// nothing can be learnt.
func languages(fsys fs.FS) (out []string, err error) {
	folders, err := fs.Glob(fsys, linesDir+"/languages/*/ordinary.txt")
	for _, name := range folders {
		out = append(out, path.Base(path.Dir(name)))
	}
	return out, err
}

// unspoken are the words of a language that say nothing: of who somebody is, those that
// say nothing by themselves, and those of sex, which say nothing beside these either.
type unspoken struct{ never, alone, sexes []string }

// unspokenIn reads them for lines of a language. Pupils mix English with the language
// of home.
func unspokenIn(fsys fs.FS, lang string) (u unspoken, err error) {
	read := func(names ...string) []string {
		var words []string
		for i := range names {
			names[i] = linesDir + "/" + names[i]
		}
		if err == nil {
			words, err = texts(fsys, names...)
		}
		return words
	}
	never, small := []string{"identity.txt"}, []string{"bodies.txt", "sexes.txt", "small-words.txt"}
	if lang != "" {
		never, small = append(never, "languages/"+lang+"/identity.txt"), append(small, "languages/"+lang+"/small-words.txt")
	}
	u = unspoken{never: read(never...), alone: read(small...), sexes: read("sexes.txt")}
	if err != nil {
		return unspoken{}, err
	}
	names, err := texts(fsys, listsDir+"/names.txt")
	u.alone = append(u.alone, names...)
	return u, err
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
// to flag where lines of their language are there.
func (c *corpus) readPacks(packs []packLines) {
	for _, p := range packs {
		lang := strings.ToLower(p.Lang)
		if lang == "en" || c.readers[lang] == nil {
			lang = ""
		}
		at := slices.Index(c.lists, list{cmp.Or(p.Category, p.Extends), lang})
		if at >= 0 && (lang != "" || p.Lang == "" || p.Lang == "en") {
			c.putNodes(p.Tests.Hit, line{list: at, lang: lang})
		}
		c.putNodes(append(p.Tests.Miss, p.Miss...), line{list: -1, lang: lang, held: true})
	}
}

// putNodes takes in the search lines among some, bare or as {search: ...}.
func (c *corpus) putNodes(nodes []yaml.Node, l line) {
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
			c.put(text, l)
		}
	}
}

func (c *corpus) readEvasive(fsys fs.FS, packs []packLines) error {
	names, err := fs.Glob(fsys, linesDir+"/evasive/*.txt")
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := c.readList(fsys, packs, name, ""); err != nil {
			return err
		}
	}
	return nil
}

// readList reads the lines of a category, in a language.
func (c *corpus) readList(fsys fs.FS, packs []packLines, name, lang string) error {
	id := strings.TrimSuffix(path.Base(name), ".txt")
	if !slices.ContainsFunc(packs, func(p packLines) bool { return p.Category == id }) {
		return fmt.Errorf("reading %s: no pack has the category %q: rename the file", name, id)
	}
	lines, err := texts(fsys, name)
	if err != nil {
		return err
	}
	c.lists = append(c.lists, list{id, lang})
	for _, text := range lines {
		c.put(text, line{list: len(c.lists) - 1, lang: lang})
	}
	return nil
}

// readLanguages reads what stands in a folder for each language other than English:
// ordinary lines, and a category's in a file of its name.
func (c *corpus) readLanguages(fsys fs.FS, packs []packLines) error {
	langs, err := languages(fsys)
	if err != nil {
		return err
	}
	for _, lang := range langs {
		names, err := fs.Glob(fsys, linesDir+"/languages/"+lang+"/*.txt")
		if err != nil {
			return err
		}
		for _, name := range names {
			switch path.Base(name) {
			case "identity.txt", "small-words.txt":
			case "ordinary.txt":
				err = c.putFile(fsys, name, line{list: -1, lang: lang})
			default:
				err = c.readList(fsys, packs, name, lang)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *corpus) readOrdinary(fsys fs.FS, _ []packLines) error {
	names, err := fs.Glob(fsys, linesDir+"/ordinary/*.txt")
	if err != nil {
		return err
	}
	for _, name := range names {
		l := line{list: -1, held: strings.HasPrefix(path.Base(name), "held-"), kind: kindOf(path.Base(name))}
		if err := c.putFile(fsys, name, l); err != nil {
			return err
		}
	}
	lines, err := heldback.Read(fsys, listsDir+"/ordinary.txt")
	if err != nil {
		return err
	}
	for _, l := range lines {
		if !l.Held {
			c.put(l.Text, line{list: -1})
		}
	}
	return nil
}

func (c *corpus) putFile(fsys fs.FS, name string, l line) error {
	lines, err := texts(fsys, name)
	for _, text := range lines {
		c.put(text, l)
	}
	return err
}

// textsOf gives the words of a line, and each two side by side.
func (c *corpus) textsOf(l line) (out []string) {
	for _, f := range l.features {
		out = append(out, c.features[f])
	}
	return out
}

// put adds a line, of which all but its words is known.
func (c *corpus) put(text string, l line) {
	r := c.readers[l.lang]
	l.least = weighed.Enough
	if r.asksForHelp(text) {
		l.least = rules.EnoughBesideHelp
	}
	features := r.features(text)
	l.words = len(r.words)
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
