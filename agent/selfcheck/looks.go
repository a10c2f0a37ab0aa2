package selfcheck

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// looks reads which system and which browsers the device has: a change of either
// calls for a review. root is where its file system begins; empty: "/".
type looks struct{ root string }

func (l looks) at(path string) string { return filepath.Join(l.root, path) }

// browsers lists those installed for everybody, by names of their own.
func (l looks) browsers() []string {
	found := []string{}
	for _, b := range places() {
		for _, path := range b.paths {
			if _, err := os.Stat(l.at(path)); err == nil {
				found = append(found, b.name)
				break
			}
		}
	}
	slices.Sort(found)
	return found
}

// browser is one, and where it may be installed.
type browser struct {
	name  string
	paths []string
}

// prettyName reads a system's name and version from os-release(5).
//
//	PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
func prettyName(text string) string {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
			return strings.Trim(value, `"'`)
		}
	}
	return ""
}
