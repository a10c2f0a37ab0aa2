package rules

import (
	"fmt"
	"strings"
	"testing"
)

const ownWords = `words: own
title: How our pupils write
why: One list serves every phrase.
spellings:
  - {means: want to, typed: [wanna, wana]}
  - {means: to, typed: [2]}
sets:
  - {set: carry, any: [carry, bring, $take]}
  - {set: take, any: [take, get hold of]}
`

// A set serves every phrase of every pack that names it, and whoever types it as
// pupils do is heard too.
func TestWordsThatPhrasesShareAreFoundInOrderAndAsTyped(t *testing.T) {
	rs := compile(t, with("school/words.yaml", ownWords, "acme/knives.yaml", head+`
phrases:
  - {id: k-1, all: [[i, my mate], $carry, [knife, blade]], within: 5, order: true}
  - {id: k-2, text: want to stab}
allow: [{text: a good knife, near: [$carry, sharpener], within: 6}]
tests: {hit: [i carry a knife], miss: [a]}
`))
	for text, want := range map[string]string{
		"i always bring a blade":               "knives/k-1",
		"my mate can get hold of a knife":      "knives/k-1",
		"wana 5tab":                            "knives/k-2",
		"wanna stab him":                       "knives/k-2",
		"i want 2 stab":                        "knives/k-2",
		"bring a blade i":                      "",
		"i do bring one or two or three knife": "",
		"to stab":                              "",
	} {
		if got := rs.search(text); got.Rule != want {
			t.Errorf("%q: %q, want %q", text, got.Rule, want)
		}
	}
	if v := rs.search("wanna stab him"); v.ReadAs != "want to stab" || strings.Join(v.How, ",") != "other spellings" {
		t.Errorf("read as %q by %q", v.ReadAs, v.How)
	}
}

func TestABadWordsFileIsRefusedWithTheMend(t *testing.T) {
	phrase := func(all string) string {
		return head + "phrases: [{id: k-1, all: " + all + ", within: 3}]\ntests: {hit: [a], miss: [a]}\n"
	}
	for want, files := range map[string][]string{
		`school/words.yaml:8:5: set "$taek", which no pack here has; did you mean "take"? write it`: {"school/words.yaml", strings.Replace(ownWords, "$take", "$taek", 1)},
		`set "$carry" holds itself`:                       {"school/words.yaml", strings.Replace(ownWords, "get hold of", "$carry", 1)},
		`set "take" is also in school/words.yaml:9`:       {"school/words.yaml", ownWords + "  - {set: take, any: [hold]}\n"},
		`spelling "WANNA" is also in school/words.yaml:5`: {"school/words.yaml", strings.Replace(ownWords, "[2]", "[WANNA]", 1)},
		`"wan na" is 2 words; want one word`:              {"school/words.yaml", strings.Replace(ownWords, "wana", "wan na", 1)},
		`"a b c d e" is 5 words`:                          {"school/words.yaml", strings.Replace(ownWords, "means: to,", "means: a b c d e,", 1)},
		`unknown key "typd"; did you mean "typed"?`:       {"school/words.yaml", strings.Replace(ownWords, "typed: [2]", "typd: [2]", 1)},
		`no any; add`: {"school/words.yaml", strings.Replace(ownWords, ", any: [take, get hold of]", "", 1)},
		`acme/knives.yaml:11:11: set "$nothing", which no pack here has`: {"acme/knives.yaml", phrase("[knife, $nothing]")},
		`"knife" and "knife" share the word "knife"`:                     {"acme/knives.yaml", phrase("[knife, [blade, knife]]")},
		"single letters alone; one of the words apart":                   {"acme/knives.yaml", phrase("[i, [a, blade]]")},
		`school/words.yaml:9:5: no any; add`:                             {"school/words.yaml", strings.Replace(ownWords, "[take, get hold of]", "[]", 1)},
		`school/words.yaml:6:5: no typed; add`:                           {"school/words.yaml", strings.Replace(ownWords, "typed: [2]", "typed: []", 1)},
		`"bring $carry knives" names the set "$carry" among words`:       {"acme/knives.yaml", head + "phrases: [{id: k-1, text: knife, forms: [bring $carry knives]}]\ntests: {hit: [knife], miss: [a]}\n"},
		`"i $carry" names the set "$carry" among words`:                  {"acme/knives.yaml", phrase("[i $carry, knife]")},
		`"$take: it" names the set "$take:" among words`:                 {"acme/knives.yaml", head + "allow: ['$take: it']\ntests: {hit: [stab], miss: [a]}\n"},
		"`order` without `all`; write":                                   {"acme/knives.yaml", head + "phrases: [{id: k-1, text: knife, order: true}]\ntests: {hit: [knife], miss: [a]}\n"},
		"a line of all is a set of keys; want text":                      {"acme/knives.yaml", phrase("[knife, {a: b}]")},
	} {
		if files[0] != "school/words.yaml" {
			files = append(files, "school/words.yaml", ownWords)
		}
		_, err := Compile(with(files...))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s\ngot  %v", want, err)
		}
	}
}

// Whoever compares two sets of rules sees a word that is taken out of a set, in
// every category that uses it.
func TestG07TheOutlineHasTheWordsOfSets(t *testing.T) {
	out, err := OutlineOf(with("school/words.yaml", ownWords, "acme/knives.yaml", head+`
phrases:
  - {id: k-1, all: [$carry, [knife, blade]], within: 5, order: true}
allow: [{text: a good knife, near: [$carry], within: 6}]
tests: {hit: [i carry a knife], miss: [a]}
`))
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, r := range out.Categories[0].Rules {
		texts = append(texts, map[RuleKind]string{RulePhrase: "phrase ", RuleAllowPhrase: "allow phrase "}[r.Kind]+r.Text)
	}
	want := "phrase $carry + knife/blade within 5, in order|phrase $carry: $take|phrase $carry: bring|phrase $carry: carry|phrase $take: get hold of|phrase $take: take|" +
		"allow phrase $carry: $take|allow phrase $carry: bring|allow phrase $carry: carry|allow phrase $take: get hold of|allow phrase $take: take|allow phrase a good knife near $carry within 6"
	if got := strings.Join(texts, "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if len(out.Spellings) != 3 || out.Spellings[0] != (OutlineSpelling{"2", "to"}) {
		t.Errorf("spellings %v", out.Spellings)
	}
}

// Words that are one are not written like words of which any one will do: taking all
// but one of them away would look like no change.
func TestG07OneTextIsNotWrittenAsSeveral(t *testing.T) {
	written := func(body string) (texts []string) {
		out, err := OutlineOf(with("acme/knives.yaml", head+body+"tests: {hit: [stab], miss: [a]}\n"))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.Categories[0].Rules {
			texts = append(texts, r.Text)
		}
		return texts
	}
	for several, one := range map[string]string{
		"phrases: [{id: k-1, all: [[stab, hurt], blade], within: 3}]\n":      "phrases: [{id: k-1, all: [stab/hurt, blade], within: 3}]\n",
		"phrases: [{id: k-1, all: [stab, hurt, blade], within: 3}]\n":        "phrases: [{id: k-1, all: [stab + hurt, blade], within: 3}]\n",
		"phrases: [{id: k-1, all: [stab, blade], within: 3, order: true}]\n": "phrases: [{id: k-1, text: 'stab + blade within 3, in order'}]\n",
		"allow: [{text: a knife, near: [bread, butter], within: 3}]\n":       "allow: [{text: a knife, near: ['bread, butter'], within: 3}]\n",
		"allow: [{text: a knife, near: [bread], within: 3}]\n":               "allow: [a knife near bread within 3]\n",
	} {
		if a, b := written(several), written(one); len(a) != 1 || len(b) != 1 || a[0] == b[0] {
			t.Errorf("%s%sare written as %q and %q", several, one, a, b)
		}
	}
}

// Sets that name two sets each, down to one word, are read once each and not two to
// the power of a hundred times.
func TestSetsOfSetsAreReadOnceEach(t *testing.T) {
	sets := "words: own\ntitle: a\nwhy: b\nsets:\n  - {set: a-0, any: [carry]}\n  - {set: b-0, any: [carry]}\n"
	for i := 1; i <= 100; i++ {
		for _, name := range []string{"a", "b"} {
			sets += fmt.Sprintf("  - {set: %s-%d, any: [$a-%d, $b-%d]}\n", name, i, i-1, i-1)
		}
	}
	rs := compile(t, with("school/words.yaml", sets, "acme/knives.yaml", head+"phrases: [{id: k-1, all: [$a-100, knife], within: 3}]\ntests: {hit: [carry a knife], miss: [a]}\n"))
	if v := rs.search("carry a knife"); v.Rule != "knives/k-1" {
		t.Errorf("%+v", v)
	}
}
