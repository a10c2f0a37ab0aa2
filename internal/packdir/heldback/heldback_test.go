package heldback

import (
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"safelight/internal/rules"
)

// A list that grows must not move lines that were read into the tenth that was
// not, nor the other way round.
func TestALineIsHeldBackByItselfAlone(t *testing.T) {
	var long strings.Builder
	for i := range 5000 {
		long.WriteString("# line " + strconv.Itoa(i) + "\n\n  suicide\tline " + strconv.Itoa(i) + "  \n")
	}
	lines, err := Read(fstest.MapFS{"a.txt": {Data: []byte(long.String())}}, "a.txt")
	if err != nil {
		t.Fatal(err)
	}
	open, held := Split(lines)
	if len(open)+len(held) != 5000 || len(held) < 400 || len(held) > 620 {
		t.Errorf("%d of %d lines are held back, want about a tenth", len(held), len(lines))
	}
	for i, l := range lines {
		if want := Held("suicide\tline " + strconv.Itoa(i)); l.Held != want || l.About != "suicide" || l.Text != "line "+strconv.Itoa(i) {
			t.Fatalf("line %d is %+v, alone it is held: %v", i, l, want)
		}
	}
	// The SHA-256 of "safelight 6\nline 4" begins with 240; of line 14, with 206.
	if !Held("line 4") || Held("line 14") {
		t.Error("the rule is another one: lines that were read are held back now")
	}
	if _, err := Read(fstest.MapFS{}, "b.txt"); err == nil || !strings.Contains(err.Error(), "b.txt") {
		t.Errorf("a missing list: %v", err)
	}
}

const knives = `category: knives
title: Knives
noun: knives
about: Words about knives.
purpose: safeguarding
risk: life
severity: high
owner: DSL
why: To notice.
first_steps: [See the child.]
phrases: [{id: k-1, text: big knife, forms: [huge knife]}, {id: k-2, text: couteau enorme, lang: fr}]
domains: [blades.example]
tests: {hit: [big knife, {search: couteau enorme, lang: fr}], miss: [kniphofia, {search: pain, lang: fr}]}
`

var files = map[string][]byte{
	"own/pack.yaml": []byte("pack: own\ntitle: Own\nversion: 1\n"), "own/knives.yaml": []byte(knives),
	"protected/pack.yaml":           []byte("pack: protected\ntitle: Protected\nversion: 1\n"),
	"protected/parts-of-words.yaml": []byte("protected: parts-of-words\ntitle: Parts\nwhy: a\ndomains: [essex.example]\nmiss: [scunthorpe, essex]\n"),
}

func TestWhatIsCountedIsWhatAPupilsDeviceWouldSay(t *testing.T) {
	rs, err := rules.Compile(files)
	if err != nil {
		t.Fatal(err)
	}
	lines := []Line{{Text: "a big knife"}, {Text: "bread"}, {Text: "couteau enorme"}, {About: "domain", Text: "www.blades.example"}, {About: "process", Text: "big knife"}}
	c := Judge(rs, lines, false)
	if c.Lines != 5 || c.Flagged != 2 || c.Noted != 0 || len(c.Passed) != 3 || c.Share() != 0.4 || c.In("knives") != 2 || c.In("spoons") != 0 {
		t.Errorf("got %+v", c)
	}
	if c = Judge(rs, lines, true); c.Flagged != 3 || c.Seen() != 0.6 || c.Found[1].Rule != "knives/k-2" {
		t.Errorf("with languages that nobody has reviewed: %+v", c)
	}
	if (Count{}).Share() != 0 {
		t.Error("no lines have a share")
	}
}

func TestTotalsCountAPhraseAndItsForms(t *testing.T) {
	got, err := CountAll(files)
	want := Totals{Categories: 1, Phrases: 3, Forms: 1, Unreviewed: 1, Hits: 2, Misses: 2, Domains: 1, ProtectedLines: 2, ProtectedDomains: 1, PartsOfWords: 2}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if _, err := CountAll(map[string][]byte{"own/knives.yaml": []byte("x")}); err == nil {
		t.Error("files that are no pack were counted")
	}
}
