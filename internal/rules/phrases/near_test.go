package phrases

import (
	"slices"
	"strings"
	"testing"
)

// spans gives what a hit covers, in the order of the text.
func spans(table *Table, text string) (out []string) {
	hits := table.Search(new(Scratch), text)
	slices.SortFunc(hits, func(a, b Hit) int { return a.Start - b.Start })
	for _, h := range hits {
		out = append(out, text[h.Start:h.End])
	}
	return out
}

func TestWordsApartAreFoundInAnyOrderAndNoFurtherThanAsked(t *testing.T) {
	table := tableOf(t, Phrase{All: apart("noose", "tie", "strong knot"), Within: 5})
	for text, want := range map[string]string{
		"tie a noose with a strong knot":                "tie a noose with a strong knot",
		"STRONG-KNOT n00se how to t1e":                  "STRONG-KNOT n00se how to t1e",
		"noose tie strong knot":                         "noose tie strong knot",
		"tie one two three noose strong knot":           "tie one two three noose strong knot",
		"tie one two three four five noose strong knot": "",
		"tie noose":                                      "",
		"tie tie strong knot":                            "",
		"tie noose strong and knot":                      "",
		"noose x x x x x x x noose tie strong knot":      "noose tie strong knot",
		"noose... tie? strong knot! noose":               "noose... tie? strong knot|tie? strong knot! noose",
		"t.i.e a n.o.o.s.e in a s.t.r.o.n.g k.n.o.t now": "t.i.e a n.o.o.s.e in a s.t.r.o.n.g k.n.o.t",
	} {
		if got := strings.Join(spans(table, text), "|"); got != want {
			t.Errorf("%q: found %q, want %q", text, got, want)
		}
	}
}

func TestOneOfSeveralWordsIsEnoughInOrderAndNoFurtherThanAsked(t *testing.T) {
	table := tableOf(t, Phrase{All: [][]string{{"i", "my friend"}, {"want to", "wish i could", "to"}, {"die", "be dead", "to die"}}, Within: 5, Ordered: true})
	for text, want := range map[string]string{
		"i want to die": "i want to die",
		"my friend says i wish i could just be dead": "i wish i could just be dead",
		"i really want to just die":                  "i really want to just die",
		"i one two three four want to die":           "",
		"die i want to":                              "",
		"want to die i":                              "",
		"i so i to die die":                          "i to die|i to die die",
		"to i die":                                   "",
	} {
		if got := strings.Join(spans(table, text), "|"); got != want && got != strings.Split(want, "|")[0] {
			t.Errorf("%q: found %q, want %q", text, got, want)
		}
	}
}

func TestOneOfSeveralWordsIsEnoughInAnyOrder(t *testing.T) {
	table := tableOf(t,
		Phrase{Ref: 0, All: [][]string{{"tie", "knot"}, {"noose", "rope round"}}, Within: 2},
		Phrase{Ref: 1, All: [][]string{{"knot", "tie"}, {"scarf"}}, Within: 2},
		Phrase{Ref: 2, All: [][]string{{"kill", "hurt"}, {"process", "python"}}, Within: 2, HeadOnly: true})
	for text, want := range map[string]string{
		"a knot in a noose":                "knot in a noose",
		"rope round and tie":               "rope round and tie",
		"tie it as a noose":                "",
		"tie a scarf":                      "tie a scarf",
		"kill the process and then a hurt": "kill",
		"python hurt":                      "hurt",
		"tie knot":                         "",
	} {
		if got := strings.Join(spans(table, text), "|"); got != want {
			t.Errorf("%q: found %q, want %q", text, got, want)
		}
	}
}

// Of words of one set that stand in one place, the one that began first may end last.
func TestAWordOfASetWithinAnotherOfItHidesNothing(t *testing.T) {
	set := []string{"end it all", "it"}
	for name, p := range map[string]Phrase{
		"in order":  {All: [][]string{set, {"tonight"}}, Within: 0, Ordered: true},
		"any order": {All: [][]string{set, {"tonight"}}, Within: 0},
		"a context": {All: [][]string{{"tonight"}, set}, Within: 0, HeadOnly: true},
		"its head":  {All: [][]string{set, {"tonight"}}, Within: 0, HeadOnly: true},
		"in a run":  {All: [][]string{{strings.Repeat("自", 40), "自殺"}, {"tonight"}}, Within: 0, Ordered: true},
	} {
		text := "end it all tonight"
		if name == "in a run" {
			text = strings.Repeat("自", 40) + " tonight"
		}
		if got := refs(tableOf(t, p), text); len(got) != 1 {
			t.Errorf("%s: found %v", name, got)
		}
	}
}

func TestAContextCoversItsFirstWordAloneAndEachOfThem(t *testing.T) {
	table := tableOf(t, Phrase{All: apart("kill", "process"), Within: 3, HeadOnly: true}, Phrase{All: apart("kill", "python"), Within: 3, HeadOnly: true})
	s := new(Scratch)
	for text, want := range map[string][]int{
		"how to kill a python process":       {7},
		"python: kill kill kill it":          {8, 13, 18},
		"kill kill kill process":             {0, 5, 10},
		"kill me. process one two three":     {0},
		"kill one two three four process":    nil,
		"process kill one two three process": {8},
	} {
		var got []int
		for _, h := range table.Search(s, text) {
			got = append(got, h.Start)
			if text[h.Start:h.End] != "kill" {
				t.Errorf("%q: the span is %q", text, text[h.Start:h.End])
			}
		}
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("%q: found at %v, want %v", text, got, want)
		}
	}
}

func TestPartsAreFoundWithinWordsWhereTheyStand(t *testing.T) {
	table := tableOf(t, Phrase{Ref: 1, Text: "porn", Part: true}, Phrase{Ref: 2, Text: "pornhub", Part: true}, Phrase{Ref: 3, Text: "ornh", Part: true}, Phrase{Ref: 4, Text: "kill"})
	s := new(Scratch)
	for text, want := range map[string]string{
		"www.freepornhubs.example":  "1 porn|2 pornhub|3 ornh",
		"skills.example":            "",
		"xpörnx":                    "1 pörn",
		"xｐｏｒｎx":                    "1 ｐｏｒｎ",
		"p-orn.example":             "",
		"por nhub":                  "",
		"porporn":                   "1 porn",
		"pornporn":                  "1 porn|1 porn",
		"ﬃporn":                     "1 porn",
		"a\u200bpo\u200brn\u200b.x": "1 po\u200brn",
	} {
		var got []string
		for _, h := range table.Plain(s, text) {
			got = append(got, string('0'+rune(h.Ref))+" "+text[h.Start:h.End])
		}
		slices.Sort(got)
		if strings.Join(got, "|") != want {
			t.Errorf("%q: found %q, want %q", text, got, want)
		}
	}
	hits := table.Search(s, "x p0rnx p-o-r-n-h-u-b")
	if len(hits) != 4 {
		t.Errorf("a search reads parts in %d ways, want 4: %v", len(hits), hits)
	}
}

// The rule that is numbered 0 is a rule like others.
func TestAPartOfSeveralRulesIsToldOfEach(t *testing.T) {
	table := tableOf(t, Phrase{Ref: 0, Text: "porn", Part: true}, Phrase{Ref: 1, Text: "porn", Part: true}, Phrase{Ref: 2, Text: "PORN", Part: true})
	if got := refs(table, "freeporns"); !slices.Equal(got, []uint32{0, 1, 2}) {
		t.Errorf("found %v", got)
	}
}

func TestHostNamesAreNotGuessedAt(t *testing.T) {
	table := texts(t, "kill", "self harm", "kill myself")
	for text, want := range map[string]int{"k1ll.example": 0, "ki-ll.example": 0, "k.i.l.l": 0, "self-harm.example": 1, "kill.example": 1, "kíll.example": 1, "k-i-l-l-m-y-s-e-l-f": 0} {
		if got := len(table.Plain(new(Scratch), text)); got != want {
			t.Errorf("%q: %d hits, want %d", text, got, want)
		}
	}
}

func TestAPhraseThatAllowsIsNotReadIntoARowOfLetters(t *testing.T) {
	table := tableOf(t, Phrase{Ref: 1, Text: "kill myself"}, Phrase{Ref: 2, Text: "kill myself", NoSpelledOut: true})
	if got := refs(table, "k i l l m y s e l f"); !slices.Equal(got, []uint32{1}) {
		t.Errorf("found %v", got)
	}
	if got := refs(table, "k i l l  m y s e l f"); !slices.Equal(got, []uint32{1, 2}) {
		t.Errorf("word by word: found %v", got)
	}
}

// G6: other people's languages are read as they are written, and nothing of
// theirs as English.
func TestWordsOfEveryScriptAreFound(t *testing.T) {
	table := texts(t, "убить себя", "ёлка", "قتل نفسي", "אני רוצה", "आत्महत्या", "자살 방법", "αυτοκτονία", "samoubójstwo", "straße", "ξίφος")
	for text, ref := range map[string]uint32{
		"хочу УБИТЬ себя": 0, "убииить себя": 0, "у.б.и.т.ь себя": 0, "у б и т ь  с е б я": 0, "у б и т ь с е б я": 0, "елка": 1, "ЁЛКА": 1, "قَتْل نفسي": 2, "قتـــل نفسي": 2, "אֲנִי רוֹצֶה": 3, "आत्महत्या करना": 4,
		"자살 방법": 5, "ΑΥΤΟΚΤΟΝΙΑ": 6, "αυτοκτονια": 6, "samoubojstwo": 7, "STRASSE": 8, "ξιφοσ": 9,
	} {
		if got := refs(table, text); !slices.Equal(got, []uint32{ref}) {
			t.Errorf("%q: found %v, want %d", text, got, ref)
		}
	}
	for _, text := range []string{"убить", "и в к о с у", "себяубить", "недоубить себя", "आत्महत्याएं", "자살", "قتل نفسيا"} {
		if got := refs(table, text); got != nil {
			t.Errorf("%q: found %v within other words", text, got)
		}
	}
}

func TestAScriptWithoutSpacesIsFoundWithinARun(t *testing.T) {
	table := texts(t, "自殺", "死にたい", "ฆ่าตัวตาย", "自杀 方法")
	for text, want := range map[string][]uint32{
		"自殺": {0}, "彼は自殺した": {0}, "自殺したいabc": {0}, "abc自殺": {0}, "自然と殺": nil, "もう死にたいです": {1}, "อยากฆ่าตัวตายวันนี้": {2}, "自杀方法": {3}, "自由": nil, "自": nil,
	} {
		if got := refs(table, text); !slices.Equal(got, want) {
			t.Errorf("%q: found %v, want %v", text, got, want)
		}
	}
}

// Words that are put together stand nearer to others than they do in the text: a
// context must not come to hide something by that.
func TestAContextStandsAsNearAsItIsWritten(t *testing.T) {
	table := tableOf(t, Phrase{Ref: 0, All: apart("kill", "python"), Within: 3, HeadOnly: true})
	for text, want := range map[string]int{
		"kill a b c d e python": 0, "kill s-t-o-p-p-e-d python": 0, "python a b c d e kill": 0, "i d e a b c kill x python": 1, "kill a b c python": 1,
	} {
		if hits := table.Search(new(Scratch), text); len(hits) != want {
			t.Errorf("%q: %d hits, want %d", text, len(hits), want)
		}
	}
}
