package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "fit:", err)
		os.Exit(1)
	}
}

// run writes the files of weighed words beneath root.
func run(root string) error {
	c, err := readCorpus(root)
	if err != nil {
		return err
	}
	dir := filepath.Join(root, packDir, "weights")
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // everybody may read the repository
		return fmt.Errorf("making the folder of weights: %w", err)
	}
	written := map[string]bool{}
	for i, made := range c.teach() {
		l := c.lists[i]
		written[l.file()] = true
		if err := os.WriteFile(filepath.Join(dir, l.file()), c.file(l, made), 0o644); err != nil { //nolint:gosec // as above
			return fmt.Errorf("writing weights: %w", err)
		}
	}
	return takeOut(dir, written)
}

// takeOut removes what was made of lines that have gone or have another name: what is
// left would be weighed, and nobody could say from what.
func takeOut(dir string, written map[string]bool) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking for weights of before: %w", err)
	}
	for _, f := range files {
		if !written[f.Name()] {
			if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
				return fmt.Errorf("taking out weights of before: %w", err)
			}
		}
	}
	return nil
}

// linesSign stands before the digest of the lines that weights were made from.
const linesSign = "# Lines: "

// file writes a list's points, those that say most first.
func (c *corpus) file(l list, made []points) []byte {
	var b bytes.Buffer
	in := ""
	if l.lang != "" {
		in = " (" + l.lang + ")"
	}
	fmt.Fprintf(&b, "# Words that speak for %s%s together, and against it (below nought); none by itself.\n", l.category, in)
	b.WriteString("# Made by `make weights` from internal/fit/lines: change those, or write phrases beside.\n")
	fmt.Fprintf(&b, "%s%s\n", linesSign, c.digest)
	for _, p := range made {
		fmt.Fprintf(&b, "%d %s\n", p.n, p.text)
	}
	return b.Bytes()
}
