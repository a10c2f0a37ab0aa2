// Package licence finds out under which licences the things come that the
// programs are made of: modules by the texts in the module cache, and what is not
// a module by its text in the tree. NOTICE and the bills of materials are both
// written from it, so that they cannot disagree. It reads files and is no part of
// either program.
package licence

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Work is one thing that a program holds, with what it comes under.
type Work struct {
	What  string
	Kinds []string // SPDX identifiers, at least one
	Texts []string // the licence's texts in full, with "\n" line ends
}

// Extra is something in the programs that is not a Go module.
type Extra struct {
	What, Name, Version string
	Text                string // a file of the tree, with slashes
	Programs            []string
}

// Extras are what the programs hold beside Go modules.
var Extras = []Extra{
	{"buf/validate/validate.proto of protovalidate", "buf/validate/validate.proto", "", "proto/buf/validate/LICENSE", []string{"agent", "collector"}},
	{"form components of govuk-frontend 6.6.0, in the console's style sheet", "govuk-frontend", "6.6.0", "collector/console/styles/LICENCE-govuk-frontend.txt", []string{"collector"}},
}

// Standard is the module whose licence stands for the standard library's and the
// runtime's: it is of the same authors, and where a distribution packages Go, the
// text is not beside the library.
const Standard = "golang.org/x/sys"

// ErrUnknown says that no licence was found that we know.
var ErrUnknown = errors.New("no licence that we know; may a school use it?")

// Of reads the texts of a work. Where none of them is of a kind that we know, the
// error is ErrUnknown.
func Of(what string, files ...string) (Work, error) {
	w := Work{What: what}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return w, fmt.Errorf("reading the licence of %s: %w", what, err)
		}
		clean := strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n"))
		w.Texts = append(w.Texts, clean)
		for _, k := range kinds(clean) {
			if !slices.Contains(w.Kinds, k) {
				w.Kinds = append(w.Kinds, k)
			}
		}
	}
	if len(w.Kinds) == 0 {
		return w, fmt.Errorf("%s: looking into %q: %w", what, files, ErrUnknown)
	}
	return w, nil
}

// OfModule reads the texts of a module in the module cache (GOMODCACHE).
func OfModule(cache, path, version string) (Work, error) {
	dir := ModuleDir(cache, path, version)
	files, err := files(dir)
	if err != nil {
		return Work{}, fmt.Errorf("looking for the licence of %s (go mod download fetches it): %w", path, err)
	}
	return Of(path+" "+version, files...)
}

var name = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying|copyright|notice|patents)`)

func files(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range entries {
		if e.Type().IsRegular() && name.MatchString(e.Name()) && !strings.HasSuffix(e.Name(), ".go") {
			all = append(all, filepath.Join(dir, e.Name()))
		}
	}
	return all, nil
}

// known are the licences that a work may come under, by words that only they
// have. Others (the GPL for one) would bind whoever passes Safelight on. The kinds
// are SPDX's names (spdx.org/licenses).
var known = []struct{ kind, words string }{
	{"Apache-2.0", "apache license version 2.0"},
	{"Apache-2.0", "licensed under the apache license, version 2.0"},
	{"MPL-2.0", "mozilla public license version 2.0"},
	{"MPL-2.0", "mozilla public license, version 2.0"},
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose"},
	{"ISC", "permission to use, copy, modify, and distribute this software for any purpose with or without fee"},
	{bsd2, "redistribution and use in source and binary forms"},
	{"Zlib", "altered source versions must be plainly marked as such"},
	{"Unlicense", "this is free and unencumbered software"},
}

// The two BSD licences differ by one condition: whose name may not be used.
const bsd2, bsd3 = "BSD-2-Clause", "BSD-3-Clause"

var thirdClause = regexp.MustCompile(`neither (the )?names? of|the names? of [^.]{0,80}may not be used to endorse`)

// Known lists every kind that a work can be found to come under.
func Known() []string {
	all := []string{bsd3}
	for _, k := range known {
		all = append(all, k.kind)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func kinds(text string) []string {
	flat := strings.ToLower(strings.Join(strings.Fields(text), " "))
	var found []string
	for _, k := range known {
		kind := k.kind
		if kind == bsd2 && thirdClause.MatchString(flat) {
			kind = bsd3
		}
		if strings.Contains(flat, k.words) && !slices.Contains(found, kind) {
			found = append(found, kind)
		}
	}
	return found
}

// ModuleDir is where the module cache keeps a module, whose path it writes with
// capitals as "!x".
func ModuleDir(cache, path, version string) string {
	return filepath.Join(cache, filepath.FromSlash(escape(path)+"@"+escape(version)))
}

func escape(path string) string {
	var b strings.Builder
	for _, c := range path {
		if unicode.IsUpper(c) {
			b.WriteByte('!')
			c = unicode.ToLower(c)
		}
		b.WriteRune(c)
	}
	return b.String()
}
