package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"safelight/internal/packdir"
	"safelight/internal/packdir/heldback"
	"safelight/internal/rules"
)

const (
	linesDir = "internal/taught/lines"
	packDir  = "packs/starter"
	names    = "internal/packdir/testdata/words/names.txt"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "taught:", err)
		os.Exit(1)
	}
}

// run writes the files of hints beneath root.
func run(root string) error {
	t, err := read(root)
	if err != nil {
		return err
	}
	made := t.write(t.teach())
	for _, name := range slices.Sorted(maps.Keys(made)) {
		if err := os.WriteFile(filepath.Join(root, packDir, name), made[name], 0o644); err != nil { //nolint:gosec // everybody may read the repository
			return fmt.Errorf("writing hints: %w", err)
		}
	}
	return nil
}

// taught is what the weights are learnt from.
type taught struct {
	reader     *reader
	categories []string
	risk       map[string]string
	purpose    map[string]string
	lines      []line
	index      map[string]int32 // features
	features   []string
}

// line is one line and the category that should notice it; none should, if empty.
type line struct {
	text     string
	category int // -1: none
	hard     bool
	features []int32
}

// read reads lines and what the packs say of categories and spellings.
func read(root string) (*taught, error) {
	files, err := packdir.Read(filepath.Join(root, "packs"))
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(files, func(name string, _ []byte) bool { return isMade(name) })
	outline, err := rules.OutlineOf(files)
	if err != nil {
		return nil, fmt.Errorf("reading the packs: %w", err)
	}
	var never []string
	for _, name := range []string{filepath.Join(linesDir, "identity.txt"), names} {
		lines, err := heldback.Read(os.DirFS(root), filepath.ToSlash(name))
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			never = append(never, l.Text)
		}
	}
	t := &taught{reader: newReader(outline.Spellings, never), risk: map[string]string{}, purpose: map[string]string{}, index: map[string]int32{}}
	for _, c := range outline.Categories {
		t.risk[c.ID], t.purpose[c.ID] = c.Risk, c.Purpose
	}
	return t, t.readLines(root)
}

// isMade says whether a file of the packs is one that this program makes.
func isMade(name string) bool {
	return strings.HasSuffix(name, madeSuffix) || strings.HasSuffix(name, "/"+ordinaryFile)
}

func (t *taught) readLines(root string) error {
	all, err := filepath.Glob(filepath.Join(root, linesDir, "*.txt"))
	if err != nil {
		return err
	}
	for _, path := range all {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		if name == "identity" {
			continue
		}
		category := -1
		if name != "ordinary" && name != "hard" {
			if t.risk[name] == "" {
				return fmt.Errorf("reading %s: no pack has the category %q: rename the file", path, name)
			}
			category = len(t.categories)
			t.categories = append(t.categories, name)
		}
		lines, err := heldback.Read(os.DirFS(filepath.Dir(path)), filepath.Base(path))
		if err != nil {
			return err
		}
		for _, l := range lines {
			t.lines = append(t.lines, line{text: l.Text, category: category, hard: name == "hard", features: t.number(t.reader.features(l.Text))})
		}
	}
	return nil
}

// number gives features their numbers, new ones the next.
func (t *taught) number(features []string) []int32 {
	out := make([]int32, len(features))
	for i, f := range features {
		n, ok := t.index[f]
		if !ok {
			n = int32(len(t.features))
			t.index[f], t.features = n, append(t.features, f)
		}
		out[i] = n
	}
	return out
}
