package rules

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"safelight/internal/event"
)

// both are a compiled Ruleset and the one that a device opens.
func both(t testing.TB, files map[string][]byte, lists map[string]NameList) (compiled, opened *Ruleset) {
	t.Helper()
	compiled, err := CompileWith(files, lists)
	if err != nil {
		t.Fatal(err)
	}
	tables := Tables{Phrases: slices.Clone(compiled.Tables().Phrases), Names: slices.Clone(compiled.Tables().Names), Weighed: slices.Clone(compiled.Tables().Weighed)}
	opened, err = Open(compiled.Policy(), tables)
	if err != nil {
		t.Fatal(err)
	}
	return compiled, opened
}

// wide is a set of rules that uses the whole language.
func wide(t testing.TB) (map[string][]byte, map[string]NameList) {
	t.Helper()
	files := merged(shippedFiles(t), map[string][]byte{
		"school/pack.yaml": []byte("pack: our-school\ntitle: Our school\nversion: 7\n"),
		"school/knives.yaml": []byte(head + `threshold: 120
raise:
  - {repeats: 2, within: 1h, to: urgent}
  - {with: [gambling], within: 24h, to: urgent}
scope: {years: [7-11], when: [lesson, break]}
phrases:
  - {id: k-1, text: big knife, weight: 60, in: [search, host]}
  - {id: k-2, text: hide it, weight: 60}
  - {id: k-3, all: [sharp, blade], within: 4, weight: 120}
  - {id: k-4, text: machete, match: part, in: [search, host], weight: 120}
  - {id: k-5, text: couteau papillon, lang: fr, weight: 120}
allow:
  - {text: machete, near: [garden], within: 3}
domains:
  - {list: ut-knives, url: 'https://lists.example/k', format: domains, licence: CC0}
  - {file: lists/ours.txt, severity: low}
  - {lookalike_of: [our-school.example]}
programs: [{signer: Knife Games}, {name: knife, sha256: ` + hashA + `}]
tests: {hit: [big knife so hide it], miss: [big garden]}
`),
		"school/lists/ours.txt": []byte("our-block.example\n"),
		"school/approved.yaml":  []byte("approved: knives\ntitle: Ours\nwhy: w\nowner: IT\nprograms: [word]\n"),
	})
	return files, map[string]NameList{"ut-knives": slices.Values([]string{"blades.example", "big-knife.example"})}
}

// EveryLine gives an Input for every line that a set of rules carries, each as
// several people.
func EveryLine(rs *Ruleset) (inputs []Input) {
	var lines []Input
	for _, c := range rs.source.tests {
		for _, l := range append(slices.Clone(c.tests.hit), c.tests.miss...) {
			lines = append(lines, l.input())
		}
	}
	for _, l := range rs.source.miss {
		lines = append(lines, l.input())
	}
	for _, p := range pleas() {
		lines = append(lines, Input{Kind: event.Search, Text: p.line}, Input{Kind: event.Search, Text: p.signal})
	}
	for _, text := range []string{"a machete in the garden", "sharp new blade", "COUTEAU papillon", "b1g kn1fe h1de it"} {
		lines = append(lines, Input{Kind: event.Search, Text: text})
	}
	for _, host := range []string{"www.blades.example", "big-knife.example", "our-block.example", "0ur-schooi.example", "supermachetes.example.com", "www.childline.org.uk"} {
		lines = append(lines, Input{Kind: event.Domain, Text: host})
	}
	for _, p := range []Input{{Text: "x", Signer: "KNIFE games"}, {Text: "knife", SHA256: hashA}, {Text: "strange"}, {Text: "word.exe"}} {
		p.Kind = event.Process
		lines = append(lines, p)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, in := range lines {
		for range 2 {
			whoever(r, &in)
			inputs = append(inputs, in)
		}
	}
	return inputs
}

// Wide gives files and lists that use the whole language.
func Wide(t testing.TB) (map[string][]byte, map[string]NameList) { return wide(t) }

// The same input gives the same verdict from rules that were compiled twice and
// from those that were opened, and is explained as it is judged.
func TestTheSameInputGivesTheSameVerdict(t *testing.T) {
	files, lists := wide(t)
	compiled, opened := both(t, files, lists)
	again, _ := both(t, files, lists)
	found := 0
	for _, in := range EveryLine(compiled) {
		v := compiled.Judge(in)
		if got := opened.Judge(in); !reflect.DeepEqual(v, got) {
			t.Fatalf("%+v:\ncompiled %+v\nopened   %+v", in, v, got)
		}
		if got := again.Judge(in); !reflect.DeepEqual(v, got) {
			t.Fatalf("%+v:\ncompiled %+v\nagain    %+v", in, v, got)
		}
		if v.Decision == Flag {
			found++
		}
		if e := opened.Explain(in); !reflect.DeepEqual(e.Verdict, v) {
			t.Fatalf("%+v: explained as %+v, judged %+v", in, e.Verdict, v)
		}
	}
	if found < 200 {
		t.Errorf("%d flags: the lines do not try much", found)
	}
}

// whoever makes the subject of an observation anybody, anywhere, at any time.
func whoever(r *rand.Rand, in *Input) {
	one := func(words ...string) string { return words[r.IntN(len(words))] }
	in.Role, in.Year, in.Site = one("", "pupil", "staff", "pupil"), one("", "7", "Year 9", "13"), one("", "main")
	in.Premises, in.Unreviewed, in.At = one("", "on", "off"), r.IntN(2) == 0, noon
	in.Periods, in.Exempt, in.Recent = nil, nil, nil
	if r.IntN(2) == 0 {
		in.Periods = []string{one("lesson", "break", "out-of-hours")}
	}
	if r.IntN(3) == 0 {
		in.Exempt = []string{"ai-assistants", "games"}
	}
	if r.IntN(2) == 0 {
		in.Recent = []Seen{{Category: one("knives", "gambling", "suicide"), At: noon}}
	}
}

// Whatever a policy from outside points at, it is refused or it judges; it
// never breaks.
func TestAPolicyFromOutsideIsLookedAtBeforeItIsTrusted(t *testing.T) {
	files, lists := wide(t)
	rs, err := CompileWith(files, lists)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Policy){
		"of a newer engine":         func(p *Policy) { p.Engine = Engine + 1 },
		"without scopes":            func(p *Policy) { p.Scopes = nil },
		"rule of no kind":           func(p *Policy) { p.Rules[0].Kind = 0 },
		"rule of a kind to come":    func(p *Policy) { p.Rules[0].Kind = 99 },
		"rule of no category":       func(p *Policy) { p.Rules[0].Category = 9999 },
		"rule of a category before": func(p *Policy) { p.Rules[0].Category = -1 },
		"rule without severity":     func(p *Policy) { p.Rules[0].Severity = 0 },
		"rule of no scope":          func(p *Policy) { p.Rules[0].Scope = 9999 },
		"domain of no rule":         func(p *Policy) { p.Domains[0].Rule = 1 << 30 },
		"domain of another rule":    func(p *Policy) { p.Domains[0].Rule = p.Lookalikes[0].Rule },
		"look-alike of no rule":     func(p *Policy) { p.Lookalikes[0].Rule = 1 << 30 },
		"set of no rule":            func(p *Policy) { p.Sets[0] = []uint32{1 << 30} },
		"list of no rule":           func(p *Policy) { p.Lists[0].Rule = 1 << 30 },
		"program of no rule":        func(p *Policy) { p.Programs[0].Rule = 1 << 30 },
		"raise of no category":      func(p *Policy) { p.Raises[0].Category = 1 << 30 },
		"raise with no category":    func(p *Policy) { p.Raises[0].With = 1 << 30 },
		"raise by nothing":          func(p *Policy) { p.Raises[0].Repeats, p.Raises[0].With = 0, -1 },
		"raise of no time":          func(p *Policy) { p.Raises[0].Within = 0 },
		"category without actions":  func(p *Policy) { p.Categories[0].Actions = nil },
		"category of odd actions":   func(p *Policy) { p.Categories[0].Actions[0] = 9 },
		"category without severity": func(p *Policy) { p.Categories[0].Severity = 0 },
		"address that is none":      func(p *Policy) { p.Addresses = []MarkedAddress{{"here", MarkVPN}} },
	} {
		p := *rs.policy
		p.Rules, p.Domains, p.Lookalikes, p.Lists = slices.Clone(p.Rules), slices.Clone(p.Domains), slices.Clone(p.Lookalikes), slices.Clone(p.Lists)
		p.Sets, p.Programs, p.Raises, p.Categories = slices.Clone(p.Sets), slices.Clone(p.Programs), slices.Clone(p.Raises), slices.Clone(p.Categories)
		p.Categories[0].Actions = slices.Clone(p.Categories[0].Actions)
		change(&p)
		if _, err := Open(&p, rs.tables); err == nil || !strings.HasPrefix(err.Error(), "opening rules: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(nil, rs.tables); err == nil {
		t.Error("no policy at all was opened")
	}
	if _, err := Open(rs.policy, Tables{Phrases: rs.tables.Phrases[:len(rs.tables.Phrases)/2], Names: rs.tables.Names}); err == nil {
		t.Error("half a table was opened")
	}
	// A table of other rules is of numbers that this policy has not: it judges
	// something, and does not break.
	few := compile(t, with("acme/knives.yaml", head+okTests))
	if odd, err := Open(few.policy, rs.tables); err == nil {
		for _, p := range pleas() {
			odd.search(p.line)
		}
		odd.host("blades.example")
	}
}

func BenchmarkOpen(b *testing.B) {
	rs := shipped(b)
	for b.Loop() {
		if _, err := Open(rs.policy, rs.tables); err != nil {
			b.Fatal(err)
		}
	}
}
