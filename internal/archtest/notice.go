package archtest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// extra is something in the programs that is not a Go module.
type extra struct{ what, licence string } // licence is a file of the tree

// licensed is one thing that the programs hold, with the texts it comes with.
type licensed struct {
	what, kind string
	texts      []string
}

// notice composes NOTICE: everything that either program links on any system we
// build for, and the text of every licence, each text once.
func (r *reacher) notice(programs []string, targets []target, extras []extra) (string, error) {
	all := []licensed{}
	// Go's own licence, from a module of the same authors: where a distribution
	// packages Go, the text is not beside the library.
	std, err := licensedAs("the Go standard library and runtime", filepath.Join(r.moduleDir("golang.org/x/sys"), "LICENSE"))
	if err != nil {
		return "", err
	}
	all = append(all, std)
	for _, e := range extras {
		l, err := licensedAs(e.what, filepath.Join(r.root, filepath.FromSlash(e.licence)))
		if err != nil {
			return "", err
		}
		all = append(all, l)
	}
	linked, err := r.linked(programs, targets)
	if err != nil {
		return "", err
	}
	for _, mod := range linked {
		files, err := licenceFiles(r.moduleDir(mod))
		if err != nil {
			return "", err
		}
		l, err := licensedAs(mod+" "+r.modules[mod], files...)
		if err != nil {
			return "", err
		}
		all = append(all, l)
	}
	return compose(all), nil
}

// linked lists the modules that the programs link, in order.
func (r *reacher) linked(programs []string, targets []target) ([]string, error) {
	found := map[string]bool{}
	for _, p := range programs {
		for _, t := range targets {
			chains, err := r.reach(module+"/"+p, t)
			if err != nil {
				return nil, err
			}
			for pkg := range chains {
				if mod := r.moduleOf(pkg); mod != "" {
					found[mod] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

var licenceName = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying|copyright|notice|patents)`)

func licenceFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if e.Type().IsRegular() && licenceName.MatchString(e.Name()) && !strings.HasSuffix(e.Name(), ".go") {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, nil
}

func licensedAs(what string, files ...string) (licensed, error) {
	l := licensed{what: what}
	var kinds []string
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return l, fmt.Errorf("reading the licence of %s: %w", what, err)
		}
		clean := strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n"))
		l.texts = append(l.texts, clean)
		for _, k := range kindsOf(clean) {
			if !slices.Contains(kinds, k) {
				kinds = append(kinds, k)
			}
		}
	}
	if len(kinds) == 0 {
		return l, fmt.Errorf("%s: no licence that we know in %q; may a school use it?", what, files)
	}
	l.kind = strings.Join(kinds, ", ")
	return l, nil
}

// known are the licences that a module may come under, by words that only they
// have. Others (the GPL for one) would bind whoever passes Safelight on.
var known = []struct{ kind, words string }{
	{"Apache-2.0", "apache license version 2.0"},
	{"Apache-2.0", "licensed under the apache license, version 2.0"},
	{"MPL-2.0", "mozilla public license version 2.0"},
	{"MPL-2.0", "mozilla public license, version 2.0"},
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose"},
	{"ISC", "permission to use, copy, modify, and distribute this software for any purpose with or without fee"},
	{"BSD", "redistribution and use in source and binary forms"},
	{"Zlib", "altered source versions must be plainly marked as such"},
	{"Unlicense", "this is free and unencumbered software"},
}

func kindsOf(text string) []string {
	flat := strings.ToLower(strings.Join(strings.Fields(text), " "))
	var kinds []string
	for _, k := range known {
		if strings.Contains(flat, k.words) && !slices.Contains(kinds, k.kind) {
			kinds = append(kinds, k.kind)
		}
	}
	return kinds
}

const preamble = `Safelight
Copyright 2026 The Safelight authors
Licensed under the Apache License, Version 2.0; see LICENSE.

The programs hold the following works of others, each under its own licence.
The texts follow the list. None has been changed; the source of each module is
at the address that is its name. "make notice" writes this file, and a test
holds it to what is linked.

`

func compose(all []licensed) string {
	var b strings.Builder
	b.WriteString(preamble)
	holders := map[string][]string{}
	var order []string
	for _, l := range all {
		fmt.Fprintf(&b, "- %s: %s\n", l.what, l.kind)
		for _, text := range l.texts {
			if holders[text] == nil {
				order = append(order, text)
			}
			holders[text] = append(holders[text], l.what)
		}
	}
	for _, text := range order {
		fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", strings.Repeat("-", 78), strings.Join(holders[text], ", "), text)
	}
	return b.String()
}
