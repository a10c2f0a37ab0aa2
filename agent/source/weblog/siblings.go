package weblog

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

// rotatedName matches what log rotation adds to a name: ".1", ".2", or a date
// as in "-20261121". Compressed files are not read.
var rotatedName = regexp.MustCompile(`^[.-][0-9][0-9-]*$`)

type sibling struct {
	path    string
	changed time.Time
}

// siblings lists the rotated files beside path, the longest unchanged first.
func siblings(path string) []sibling {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // what cannot be listed cannot be read either
	}
	var found []sibling
	for _, e := range entries {
		name := e.Name()
		if len(name) <= len(base) || name[:len(base)] != base || !rotatedName.MatchString(name[len(base):]) {
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			found = append(found, sibling{filepath.Join(dir, name), info.ModTime()})
		}
	}
	slices.SortFunc(found, func(a, b sibling) int { return a.changed.Compare(b.changed) })
	return found
}

// find opens the file that holds p: the one with its numbers, or, after
// copytruncate, a copy with its beginning. nil means that there is none.
func find(path string, p place) *tail {
	var copied *tail
	paths := []string{path}
	for _, s := range siblings(path) {
		paths = append(paths, s.path)
	}
	for _, one := range paths {
		t, err := openTail(one)
		if err != nil {
			continue
		}
		switch {
		case !t.holds(p):
		case t.dev == p.dev && t.inode == p.inode:
			if copied != nil {
				_ = copied.close()
			}
			return t
		case copied == nil && p.headLen > 0:
			copied = t
			continue
		}
		_ = t.close()
	}
	return copied
}

// next opens the file that was written after t: a rotated one that changed
// later, else the one at path itself.
func next(path string, t *tail) (*tail, error) {
	info, err := t.file.Stat()
	if err != nil {
		return nil, err
	}
	for _, s := range siblings(path) {
		if !s.changed.After(info.ModTime()) {
			continue
		}
		n, err := openTail(s.path)
		if err != nil {
			continue // rotated away meanwhile
		}
		if n.dev != t.dev || n.inode != t.inode {
			return n, nil
		}
		_ = n.close()
	}
	return openTail(path)
}
