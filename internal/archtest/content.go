package archtest

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// made are the top level's folders that builds make and git ignores.
var made = []string{".git", "bin", "dist", ".demo", ".cache"}

// here matches an absolute path of the machine or the user that wrote a file.
// The expression is put together so that it does not match itself.
var here = regexp.MustCompile(`(^|[^\w./~$*{}-])/(` + `work|root` + `)/[\w.]`)

// later matches a note that something was left for later.
var later = regexp.MustCompile(`\b(` + `TO` + `DO|FIX` + `ME|XX` + `X)\b`)

// checkTop returns what lies at the top level without being in its plan.
func checkTop(root string, plan []string) ([]string, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var wrong []string
	for _, e := range entries {
		if !slices.Contains(plan, e.Name()) && !slices.Contains(made, e.Name()) {
			wrong = append(wrong, e.Name()+": not in the plan of the top level")
		}
	}
	return wrong, nil
}

// checkContent returns the lines of the tree that hold a path of this machine or
// a note that something is left to do. Exceptions are files, each with a reason.
func checkContent(root string, except map[string]string) ([]string, error) {
	var wrong []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if slices.Contains(made, rel) {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || except[rel] != "" {
			return nil
		}
		found, err := scan(name, rel)
		wrong = append(wrong, found...)
		return err
	})
	return wrong, err
}

// suspect is a quick look that spares nearly every line the slow one.
func suspect(line []byte) bool {
	for _, sign := range []string{"/wo" + "rk/", "/ro" + "ot/", "TO" + "DO", "FIX" + "ME", "XX" + "X"} {
		if bytes.Contains(line, []byte(sign)) {
			return true
		}
	}
	return false
}

func scan(name, rel string) ([]string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	binary := bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0
	var wrong []string
	for i, line := range bytes.Split(text, []byte("\n")) {
		if !suspect(line) {
			continue
		}
		if m := here.Find(line); m != nil {
			wrong = append(wrong, fmt.Sprintf("%s:%d: %q: a path of the machine it was written on", rel, i+1, bytes.TrimSpace(m)))
		}
		if m := later.Find(line); m != nil && !binary {
			wrong = append(wrong, fmt.Sprintf("%s:%d: %s: do it, or say on the limitations page that it is not done", rel, i+1, m))
		}
	}
	return wrong, nil
}
