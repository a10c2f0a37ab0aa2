package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// state is what we have done.
type state struct {
	Files map[string]done `json:"files"` // by the file's path from the root
	// Made are the folders that we made for them, from the root: they go when they
	// are empty again.
	Made []string `json:"made"`
}

// done is what we have done to one file.
type done struct {
	Ours json.RawMessage `json:"ours"` // the object of what we put in
	// Before is the file as the school left it; nil where there was none.
	Before []byte `json:"before"`
	Wrote  string `json:"wrote"` // SHA-256 of the file as we left it
}

func sum(text []byte) string { s := sha256.Sum256(text); return hex.EncodeToString(s[:]) }

func readState(name string) (*state, error) {
	s := &state{Files: map[string]done{}}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("reading what was done before, %s: %w", name, err)
	}
	return s, nil
}

func (s *state) write(name string) error {
	if len(s.Files) == 0 {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // what is remembered is no secret
		return err
	}
	return replace(name, text, 0o644)
}

// replace writes a file whole or not at all.
func replace(name string, text []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".safelight-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // is gone once renamed
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return os.Rename(f.Name(), name)
}

// makeFolders makes a file's folder, and remembers which were missing.
func (d device) makeFolders(dir string) error {
	for at := dir; ; at = filepath.Dir(at) {
		_, err := os.Lstat(at)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		rel, err := filepath.Rel(d.root, at)
		if err != nil {
			return err
		}
		d.Made = append(d.Made, filepath.ToSlash(rel))
	}
	return os.MkdirAll(dir, 0o755) //nolint:gosec // browsers of all accounts read what lies there
}

// clearFolders removes what we made and nobody uses any more.
func (d device) clearFolders() {
	slices.SortFunc(d.Made, func(a, b string) int { return len(b) - len(a) }) // the innermost first
	d.Made = slices.DeleteFunc(d.Made, func(made string) bool { return os.Remove(filepath.Join(d.root, made)) == nil })
}
