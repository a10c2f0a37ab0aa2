package rules

import (
	"maps"
	"strings"
	"testing"

	"safelight/internal/event"
)

// base is the smallest set of files that compiles.
func base() map[string][]byte {
	return map[string][]byte{
		"protected/pack.yaml": []byte("pack: protected\ntitle: Protected\nversion: 1\n"),
		"protected/help.yaml": []byte("protected: help\ntitle: Help\nwhy: Nobody is flagged for it.\ndomains: [protected.example]\nmiss: [am i gay]\n"),
		"acme/pack.yaml":      []byte("pack: acme\ntitle: Test pack\nversion: 3\n"),
		"school/pack.yaml":    []byte("pack: our-school\ntitle: Our school\nversion: 7\n"),
	}
}

// head is the part every category needs; tests add what they are about.
const head = `category: knives
title: Knives
noun: knives
about: Words about knives.
purpose: safeguarding
risk: life
severity: high
owner: DSL
why: To notice.
first_steps: [See the child.]
`

func with(files ...string) map[string][]byte {
	all := base()
	for i := 0; i+1 < len(files); i += 2 {
		all[files[i]] = []byte(files[i+1])
	}
	return all
}

func compile(t testing.TB, files map[string][]byte) *Ruleset {
	t.Helper()
	rs, err := Compile(files)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// rulesFor compiles one category with the lines given after head.
func rulesFor(t testing.TB, lines string) *Ruleset {
	t.Helper()
	return compile(t, with("acme/knives.yaml", head+lines))
}

func (rs *Ruleset) search(text string) Verdict {
	return rs.Judge(Input{Kind: event.Search, Text: text})
}

func (rs *Ruleset) host(text string) Verdict {
	return rs.Judge(Input{Kind: event.Domain, Text: text})
}

func want(t *testing.T, what string, got Verdict, decision Decision, rule string) {
	t.Helper()
	if got.Decision != decision || got.Rule != rule {
		t.Errorf("%s: got %s by %q, want %s by %q", what, got.Decision, got.Rule, decision, rule)
	}
}

func problemsOf(t *testing.T, files map[string][]byte) string {
	t.Helper()
	_, err := Compile(files)
	if err == nil {
		t.Fatal("compiled, want a refusal")
	}
	return err.Error()
}

func checkOf(t *testing.T, files map[string][]byte) string {
	t.Helper()
	var lines []string
	for _, p := range compile(t, files).Check() {
		lines = append(lines, p.Error())
	}
	return strings.Join(lines, "\n")
}

func contains(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("got %q\nwant it to hold %q", text, part)
	}
}

// merged adds b's files to a's.
func merged(a, b map[string][]byte) map[string][]byte {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}
