package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"safelight/installer/policies"
)

// device is a file system with browsers, and what is said about it.
type device struct {
	root string // "/", or a folder that a test made
	out  io.Writer
	*state
}

func (d device) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

var errLink = errors.New("it is a link, and whose file that is cannot be known: left as it is")

// read returns the document, its bytes (nil where there is none) and its mode.
func (d device) read(path string) (object, []byte, fs.FileMode, error) {
	name := filepath.Join(d.root, path)
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return object{}, nil, 0o644, nil
	}
	if err != nil {
		return nil, nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, 0, fmt.Errorf("%s: %w", path, errLink)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, 0, err
	}
	doc, err := parseObject(text)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("%s is not what the browser could read, and was left as it is: %w", path, err)
	}
	return doc, text, info.Mode().Perm(), nil
}

// apply sees to it that a browser's file holds what is wanted.
func (d device) apply(b policies.Browser, settings policies.Group) error {
	path := b.Linux
	before := d.Files[path]
	ours, err := parseOurs(before.Ours)
	if err != nil {
		return err
	}
	doc, text, mode, err := d.read(path)
	if err != nil {
		return err
	}
	if hidden := d.hides(b, text); hidden != "" && len(settings) > 0 {
		d.say("%s: %s holds policies, which it would no longer read beside %s: nothing was written. Move that file there and run this again.", b.Title, hidden, path)
		return nil
	}
	wanted, err := d.wanted(b, settings)
	if err != nil {
		return err
	}
	var put object
	var conflicts []string
	after, err := within(doc, b.Under, func(has object) (now object) {
		now, put, conflicts = merge(has, wanted, ours)
		return now
	})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, c := range conflicts {
		d.say("%s: %s: %s", b.Title, path, c)
	}
	if before.Wrote == "" || before.Wrote != sum(text) {
		before.Before = text
		if len(ours) > 0 { // somebody has written since: what is ours is not theirs
			before.Before = nil
		}
	}
	return d.store(b, path, after, text, mode, put, before)
}

// store writes a document that has changed, and remembers what of it is ours.
func (d device) store(b policies.Browser, path string, doc object, was []byte, mode fs.FileMode, ours object, before done) error {
	name := filepath.Join(d.root, path)
	if len(ours) == 0 {
		return d.takeBack(b, path, doc, was, mode, before)
	}
	text, err := doc.text()
	if err != nil {
		return err
	}
	old, err := parseObject(was)
	if was == nil || err != nil || !sameObjects(old, doc) {
		if err := d.makeFolders(filepath.Dir(name)); err != nil {
			return err
		}
		if err := replace(name, text, mode); err != nil {
			return err
		}
		was = text
		for _, f := range ours {
			d.say("%s: %s: %s is %s", b.Title, path, f.name, flat(f.value))
		}
	}
	if before.Ours, err = ours.text(); err != nil {
		return err
	}
	before.Wrote = sum(was)
	d.Files[path] = before
	return nil
}

// takeBack leaves a file as the school has it.
func (d device) takeBack(b policies.Browser, path string, doc object, was []byte, mode fs.FileMode, before done) error {
	name := filepath.Join(d.root, path)
	if before.Wrote == "" {
		return nil // nothing was ever ours
	}
	untouched := before.Wrote == sum(was)
	empty := len(doc) == 0 || len(doc) == 1 && doc[0].name == b.Under && flat(doc[0].value) == "{}"
	var err error
	switch {
	case was == nil: // somebody has taken it away already
	case untouched && before.Before != nil:
		err = replace(name, before.Before, mode)
	case before.Before == nil && empty:
		err = os.Remove(name)
		d.clearFolders()
	default:
		var text []byte
		if text, err = doc.text(); err == nil {
			err = replace(name, text, mode)
		}
	}
	if err != nil {
		return fmt.Errorf("taking back %s: %w", path, err)
	}
	d.say("%s: %s: taken back", b.Title, path)
	delete(d.Files, path)
	return nil
}

// wanted leaves out what another file of the same folder sets otherwise: which of
// two the browser takes is nobody's decision.
func (d device) wanted(b policies.Browser, settings policies.Group) (object, error) {
	text, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	all, err := parseObject(text)
	if err != nil || b.Under != "" {
		return all, err
	}
	beside, err := filepath.Glob(filepath.Join(d.root, filepath.Dir(b.Linux), "*.json"))
	if err != nil {
		return nil, err
	}
	for _, name := range beside {
		if filepath.Base(name) == filepath.Base(b.Linux) {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		theirs, err := parseObject(text)
		if err != nil {
			d.say("%s: %s cannot be read by it: %v", b.Title, name, err)
			continue
		}
		all = slices.DeleteFunc(all, func(w field) bool {
			i := theirs.at(w.name)
			if i < 0 || same(theirs[i].value, w.value) {
				return false
			}
			d.say("%s: %s: %s is %s there, and was left so; Safelight asks for %s", b.Title, name, w.name, flat(theirs[i].value), flat(w.value))
			return true
		})
	}
	return all, nil
}

// hides finds a file of policies that Firefox reads only where there is none in
// /etc.
func (d device) hides(b policies.Browser, there []byte) string {
	if b.Name != "firefox" || there != nil {
		return ""
	}
	for _, pattern := range []string{"usr/lib/firefox*/distribution", "usr/lib64/firefox*/distribution", "opt/firefox*/distribution"} {
		found, err := filepath.Glob(filepath.Join(d.root, pattern, "policies.json"))
		if err == nil && len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

func parseOurs(text json.RawMessage) (object, error) {
	if len(text) == 0 {
		return object{}, nil
	}
	return parseObject(text)
}

func sameObjects(a, b object) bool {
	x, err := a.text()
	y, err2 := b.text()
	return err == nil && err2 == nil && same(x, y)
}
