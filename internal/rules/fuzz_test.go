package rules

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"safelight/internal/event"
)

// FuzzCompile: whatever a file holds, Compile answers with rules or with
// problems that have a place, and Check and Judge survive what it let through.
func FuzzCompile(f *testing.F) {
	f.Add([]byte(head + okTests))
	f.Add([]byte(head + "phrases:\n  - {id: k-1, text: big knife, forms: [b1g kn1fe], severity: low, in: [search, host]}\ndomains:\n  - a.example\n  - {allow: [b.example]}\nprograms: [{name: a.exe, path: '*x*'}]\nallow: [big knife fish]\n" + okTests))
	f.Add([]byte(head + "threshold: 120\nlang: fr\nreviewed: false\nscope: {roles: [pupil], years: [7-11, R], key_stages: [3], groups: [a], sites: [b], when: [lesson], premises: 'on'}\n" +
		"phrases: [{id: k-1, all: [a1, b2], within: 3, weight: 70}, {id: k-2, text: porn, match: part, in: [host]}]\nallow: [{text: a1, near: [c3], within: 2}]\n" +
		"domains: [{list: l, url: 'https://l.example/x', format: csv, column: name, licence: CC0, max_shrink: 1%, refresh: 1d}, {lookalike_of: [a.example]}, {file: lists/a.txt}]\n" +
		"programs: [{original_name: a, signer: b, sha256: " + hashA + "}]\nraise: [{repeats: 3, within: 1h30m, to: high}, {with: [knives], within: 1d, to: urgent}]\n" +
		"tests: {hit: [{search: a1 b2, role: pupil, year: 9, group: a, site: b, period: lesson, premises: 'on', at: '2026-11-21T10:41:00Z', lang: fr}], miss: [x]}\n"))
	f.Add([]byte("approved: knives\ntitle: a\nwhy: b\nowner: c\nprograms: [x, {path: '*y*'}]\ntests: {hit: [{process: z}], miss: [{process: x}]}\n"))
	f.Add([]byte("extends: knives\nowner: a\nwhy: b\ntests: {hit: [], miss: [x]}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("? [x]\n: y\n"))
	f.Add([]byte("!!binary x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		files := with("acme/a.yaml", string(data))
		if bytes.Contains(data, []byte("lists/a.txt")) {
			files["acme/lists/a.txt"] = []byte("a.example\n")
		}
		rs, err := Compile(files)
		if err != nil {
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("an error that names no place: %v", err)
			}
			for _, p := range problems {
				if p.What == "" || p.Line < 0 || p.Line > 0 && p.Col < 1 {
					t.Fatalf("problem without a place or words: %+v", p)
				}
			}
			return
		}
		for _, p := range rs.Check() {
			if p.What == "" {
				t.Fatal("problem without words")
			}
		}
		opened, err := Open(rs.Policy(), rs.Tables())
		if err != nil {
			t.Fatalf("what was compiled is not opened: %v", err)
		}
		for _, in := range []Input{
			{Kind: event.Search, Text: "b1g knife a1 b2"}, {Kind: event.Domain, Text: "porn.a.example", Year: "7"}, {Kind: event.Process, Text: "a.exe", Signer: "b"},
		} {
			if a, b := rs.Judge(in), opened.Judge(in); !reflect.DeepEqual(a, b) {
				t.Fatalf("compiled %+v, opened %+v", a, b)
			}
		}
	})
}

// FuzzJudge: whatever is observed, Judge answers, its span lies within the
// text, and neither a helpline nor a protected site is ever flagged.
func FuzzJudge(f *testing.F) {
	files, lists := wide(f)
	rs, opened := both(f, files, lists)
	for _, text := range []string{
		"childline i want to kill myself tonight", "k i l l m y s e l f", "s3lf h4rm", "ѕеlf hаrm", "www.pornhub.com", "free-porn.example",
		"bücher.example", "tor.exe", `C:\Tor Browser\firefox.exe`, "www.childline.org.uk", "a\u0301\u200b@$!|", "\xff\x00", "💀💀",
		"big-knife-machete.bücher-straße-größe.example", "BIG knife hide it", "sharp blade", "machete in the garden", "0ur-schooi.example",
		"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z", "1.2.3.4", "..", "xn--", "@$$ €urope",
	} {
		f.Add(text, "pupil")
	}
	f.Fuzz(func(t *testing.T, text, role string) {
		for _, kind := range []event.Kind{event.Domain, event.Search, event.Process} {
			in := Input{Kind: kind, Text: text, Role: role, Exe: role, Unreviewed: true}
			v := rs.Judge(in)
			if o := opened.Judge(in); !reflect.DeepEqual(v, o) {
				t.Fatalf("compiled %+v, opened %+v", v, o)
			}
			for _, f := range opened.Explain(in).Findings {
				if f.Lost == "" && !f.Won || utf8.ValidString(text) && !utf8.ValidString(f.Match) {
					t.Fatalf("%q: explained by %+v", text, f)
				}
			}
			switch v.Decision {
			case None, Safe:
				continue
			case Flag, Note:
			default:
				t.Fatalf("decision %q", v.Decision)
			}
			if v.Start < 0 || v.Start > v.End || v.End > len(text) || text[v.Start:v.End] != v.Match {
				t.Fatalf("%q: span %d-%d %q", text, v.Start, v.End, v.Match)
			}
			if v.Rule == "" || len(v.Rule) > 128 || len(v.Pack) > 128 || v.Why == "" || len(v.Why) > 1024 || len(v.NotSeen) == 0 || v.Severity < event.Low || v.Severity > event.Urgent {
				t.Fatalf("%q: %+v", text, v)
			}
			if kind == event.Domain && IsHelpline(text) {
				t.Fatalf("helpline %q is flagged", text)
			}
			if utf8.ValidString(text) && !utf8.ValidString(v.Match) {
				t.Fatalf("%q: match %q cuts a letter in two", text, v.Match)
			}
		}
		_, _ = rs.JudgeLine(strings.ToValidUTF8(text, "")+"\t"+role, Input{})
	})
}

// FuzzOpen: whatever a disk made of the tables, Open refuses them or Judge
// answers; neither breaks the agent.
func FuzzOpen(f *testing.F) {
	rs := listed2(f, "phrases:\n  - {id: k-1, text: big knife, in: [search, host]}\n  - {id: k-2, all: [sharp, blade], within: 3}\n  - {id: k-3, text: machete, match: part}\n"+listLine, nil, "blades.example", "b.example")
	few := compile(f, with("acme/knives.yaml", head+okTests))
	t := rs.Tables()
	f.Add(t.Phrases, t.Names)
	f.Add(t.Phrases, []byte(nil))
	f.Add(t.Phrases[:len(t.Phrases)/2], t.Names[:len(t.Names)/2])
	for i := 0; i < len(t.Phrases); i += len(t.Phrases)/40 + 1 {
		broken := bytes.Clone(t.Phrases)
		broken[i] ^= 0x55
		f.Add(broken, t.Names)
	}
	f.Fuzz(func(_ *testing.T, phrases, names []byte) {
		for _, p := range []*Policy{rs.policy, few.policy} {
			odd, err := Open(p, Tables{Phrases: phrases, Names: names})
			if err != nil {
				continue
			}
			for _, in := range []Input{
				{Kind: event.Search, Text: "a B1G kn1fe, sharp as a blade: s.h.a.r.p mymachetes bigggg"},
				{Kind: event.Search, Text: "childline big knife"},
				{Kind: event.Domain, Text: "www.blades.example"},
				{Kind: event.Domain, Text: "big-knife.example.com"},
			} {
				odd.Judge(in)
				odd.Explain(in)
			}
		}
	})
}
