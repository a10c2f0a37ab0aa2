package archtest

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"safelight/internal/licence"
)

// notice composes NOTICE: everything that either program links on any system we
// build for, and the text of every licence, each text once.
func (r *reacher) notice(programs []string, targets []target, extras []licence.Extra) (string, error) {
	std, err := licence.OfModule(r.cache, licence.Standard, r.modules[licence.Standard])
	if err != nil {
		return "", err
	}
	std.What = "the Go standard library and runtime"
	std.Texts = std.Texts[:1] // LICENSE stands before PATENTS
	all := []licence.Work{std}
	for _, e := range extras {
		w, err := licence.Of(e.What, filepath.Join(r.root, filepath.FromSlash(e.Text)))
		if err != nil {
			return "", err
		}
		all = append(all, w)
	}
	linked, err := r.linked(programs, targets)
	if err != nil {
		return "", err
	}
	for _, mod := range linked {
		w, err := licence.OfModule(r.cache, mod, r.modules[mod])
		if err != nil {
			return "", err
		}
		all = append(all, w)
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

const preamble = `Safelight
Copyright 2026 The Safelight authors
Licensed under the Apache License, Version 2.0; see LICENSE.

The programs hold the following works of others, each under its own licence.
The texts follow the list. None has been changed; the source of each module is
at the address that is its name. "make notice" writes this file, and a test
holds it to what is linked.

`

func compose(all []licence.Work) string {
	var b strings.Builder
	b.WriteString(preamble)
	holders := map[string][]string{}
	var order []string
	for _, l := range all {
		fmt.Fprintf(&b, "- %s: %s\n", l.What, strings.Join(l.Kinds, ", "))
		for _, text := range l.Texts {
			if holders[text] == nil {
				order = append(order, text)
			}
			holders[text] = append(holders[text], l.What)
		}
	}
	for _, text := range order {
		fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", strings.Repeat("-", 78), strings.Join(holders[text], ", "), text)
	}
	return b.String()
}
