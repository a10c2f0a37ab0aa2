package rules

import (
	"bytes"
	"strings"
	"testing"
)

const okTests = "tests: {hit: [big knife], miss: [kniphofia]}\n"

func TestCompileSaysWhereAndHowToMend(t *testing.T) {
	for _, c := range []struct{ name, lines, want string }{
		{"unknown key", "colour: red\n" + okTests, `acme/knives.yaml:11:1: unknown key "colour"; want one of category,`},
		{"unknown key of a phrase", "phrases:\n  - {id: k-1, text: big knife, colour: 3}\n" + okTests, `acme/knives.yaml:12:32: unknown key "colour"`},
		{"key twice", "title: Again\n" + okTests, `acme/knives.yaml:11:1: key "title" stands twice`},
		{"bad severity of a phrase", "phrases:\n  - {id: k-1, text: big knife, severity: awful}\n" + okTests, `:12:42: severity "awful"; want one of low, medium, high, urgent`},
		{"bad action", "action: {pupil: shout}\n" + okTests, `:11:17: action for pupil "shout"; want one of none, note, alert`},
		{"unknown role", "action: {cat: alert}\n" + okTests, `:11:10: unknown key "cat"; want one of pupil,`},
		{"no tests", "phrases:\n  - {id: k-1, text: big knife}\n", `:1:1: no tests; add`},
		{"no hit tests", "phrases:\n  - {id: k-1, text: big knife}\ntests: {hit: [], miss: [spoon]}\n", `:13:8: no hit tests`},
		{"no miss tests", "phrases:\n  - {id: k-1, text: big knife}\ntests: {hit: [big knife]}\n", `:13:8: no miss tests`},
		{"phrase without id", "phrases:\n  - {text: big knife}\n" + okTests, `:12:5: no id; add a line`},
		{"phrase id with capitals", "phrases:\n  - {id: K1, text: big knife}\n" + okTests, `:12:10: id "K1"; want small letters`},
		{"phrase id twice", "phrases:\n  - {id: k-1, text: big knife}\n  - {id: k-1, text: bigger knife}\n" + okTests, `:13:5: phrase id "k-1" is also in acme/knives.yaml:12`},
		{"phrase without a word", "phrases:\n  - {id: k-1, text: '...'}\n" + okTests, `:12:5: phrase "..." has no word in it`},
		{"phrase too long", "phrases:\n  - {id: k-1, text: a1 b c d e f g h i j k l m n}\n" + okTests, `:12:5: phrase of 14 words; want at most 12`},
		{"phrase of the wrong shape", "phrases: [big knife]\n" + okTests, `:11:11: a phrase is text; want keys and values`},
		{"list of the wrong shape", "phrases: big knife\n" + okTests, `:11:10: phrases is text; want a list`},
		{"empty value", "domains:\n  -\n" + okTests, `:12:4: a domain is empty`},
		{"url for a domain", "domains: ['https://a.example/x']\n" + okTests, `:11:11: host name "https://a.example/x" is not one; want a name such as example.org`},
		{"star in a domain", "domains: ['*.a.example']\n" + okTests, `host name "*.a.example" is not one`},
		{"one label", "domains: [com]\n" + okTests, `domain "com"; want at least two labels`},
		{"address", "domains: [192.0.2.1]\n" + okTests, `domain "192.0.2.1"; want at least two labels`},
		{"everybody's suffix", "domains: [co.uk]\n" + okTests, `domain "co.uk" holds everybody's sites`},
		{"domain twice", "domains: [a.example, A.example.]\n" + okTests, `:11:22: domain "a.example" is also in acme/knives.yaml:11`},
		{"allow and name", "domains: [{name: a.example, allow: [b.example]}]\n" + okTests, `a domain with neither a name nor a list`},
		{"program with a path for a name", "programs: ['/bin/x']\n" + okTests, `program "/bin/x"; want the file's name alone`},
		{"program without a name", "programs: [{path: '*'}]\n" + okTests, `a program by nothing`},
		{"test of two kinds", "tests: {hit: [{domain: a.example, search: x}], miss: [x]}\n", `:11:15: a hit line with more or less than one kind`},
		{"test of an unknown kind", "tests: {hit: [{page: x}], miss: [x]}\n", `unknown key "page"; want one of domain, search, process`},
		{"test with a url", "tests: {hit: [{domain: 'http://x.example'}], miss: [x]}\n", `host name "http://x.example" is not one`},
		{"alias", "phrases: &a [x]\nallow: *a\n" + okTests, `allow is an alias, which packs do not use`},
		{"control character", "allow: [\"a\\nb\"]\n" + okTests, `an allow phrase holds a control character`},
	} {
		t.Run(c.name, func(t *testing.T) {
			contains(t, problemsOf(t, with("acme/knives.yaml", head+c.lines)), c.want)
		})
	}
}

func TestCompileRefusesAHeadWithSomethingMissing(t *testing.T) {
	for line := range strings.Lines(head) {
		key, _, _ := strings.Cut(line, ":")
		text := strings.Replace(head, line, "", 1) + okTests
		contains(t, problemsOf(t, with("acme/knives.yaml", text)), "acme/knives.yaml:1:1: no "+key)
	}
}

func TestCompileRefusesWhatIsNotAPack(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string][]byte
		want  string
	}{
		{"broken YAML", with("acme/a.yaml", "category: [\n"), "acme/a.yaml:"},
		{"tab", with("acme/a.yaml", "category: a\n\ttitle: x\n"), "reading YAML: found"},
		{"two documents", with("acme/a.yaml", "a: b\n---\nc: d\n"), "more than one document"},
		{"empty file", with("acme/a.yaml", "# nothing\n"), "acme/a.yaml: file is empty"},
		{"list for a file", with("acme/a.yaml", "- a\n"), "acme/a.yaml:1:1: the file is a list"},
		{"not UTF-8", with("acme/a.yaml", "title: \xff\n"), "acme/a.yaml: text is not UTF-8"},
		{"huge file", with("acme/a.yaml", string(bytes.Repeat([]byte("#"), maxFile+1))), "want at most 1048576"},
		{"wrong ending", with("acme/a.csv", "x"), "acme/a.csv: not a .yaml file"},
		{"a list that nobody names", with("acme/lists/a.txt", "x.example"), "acme/lists/a.txt: no category names this list"},
		{"no pack.yaml", with("lost/a.yaml", head+okTests), "lost/a.yaml: no readable pack.yaml beside it; add lost/pack.yaml"},
		{"same pack twice", with("two/pack.yaml", "pack: acme\ntitle: x\nversion: 1\n"), `pack "acme" is also acme/pack.yaml:1`},
		{"version zero", with("acme/pack.yaml", "pack: acme\ntitle: x\nversion: 0\n"), `acme/pack.yaml:3:10: version "0"; want a whole number from 1`},
		{"extends nothing", with("school/a.yaml", "extends: spoons\nowner: x\nwhy: y\n"+okTests), `extends "spoons", which no pack here defines`},
		{"category twice", with("acme/a.yaml", head+okTests, "school/a.yaml", head+okTests), `school/a.yaml:1:1: category "knives" is also in acme/a.yaml:1`},
		{"protected with rules", with("protected/a.yaml", "protected: a\ntitle: b\nwhy: c\nphrases: []\n"), `unknown key "phrases"`},
	} {
		t.Run(c.name, func(t *testing.T) { contains(t, problemsOf(t, c.files), c.want) })
	}
}

func TestCompileReportsEveryMistakeAtOnce(t *testing.T) {
	text := problemsOf(t, with("acme/a.yaml", "colour: red\n", "acme/b.yaml", "phrases: x\n"))
	contains(t, text, "acme/a.yaml:1:1: unknown key")
	contains(t, text, "acme/b.yaml:1:10: phrases is text")
}

func TestAPackWithATestThatFailsIsRefused(t *testing.T) {
	text := checkOf(t, with("acme/knives.yaml", head+
		"phrases:\n  - {id: k-1, text: big knife}\ndomains: [blades.example]\ntests:\n  hit: [big knife, small knife]\n  miss:\n    - spoon\n    - a Big-Knife sale\n    - {domain: shop.blades.example}\n"))
	contains(t, text, `acme/knives.yaml:15:20: search "small knife" is not found by category "knives"`)
	contains(t, text, `acme/knives.yaml:18:7: search "a Big-Knife sale" is flagged by knives/k-1 (acme/knives.yaml:12)`)
	contains(t, text, `domain "shop.blades.example" is flagged by knives/blades.example`)
	if n := strings.Count(text, "\n"); n != 2 {
		t.Errorf("want exactly three problems, got\n%s", text)
	}
}

func TestCategoryTellsPeopleWhatItIs(t *testing.T) {
	rs := rulesFor(t, okTests)
	c, ok := rs.Category("knives")
	if !ok || c.Title != "Knives" || c.Purpose != Safeguarding || c.Risk != RiskLife || c.Pack != "acme 3" ||
		len(c.FirstSteps) != 1 || len(rs.Categories()) != 1 {
		t.Errorf("got %+v", c)
	}
	if _, ok := rs.Category("spoons"); ok {
		t.Error("a category that is not there was found")
	}
}
