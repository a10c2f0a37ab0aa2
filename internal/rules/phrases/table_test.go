package phrases

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func TestAPhraseThatCannotBeLookedForIsRefusedWithTheMend(t *testing.T) {
	for what, p := range map[string]Phrase{
		"no word in it":            {Text: " !? "},
		"no word":                  {Text: "x"},
		"script without spaces":    {Text: "死"},
		"phrase of 13 words":       {Text: strings.Repeat("kill ", 13)},
		"phrase of 65 characters":  {Text: strings.Repeat("死", 65)},
		"both a text":              {Text: "kill", All: apart("kill", "tie")},
		"0 words or phrases to":    {All: [][]string{{"kill"}, {}}},
		"1001 words or phrases to": {All: [][]string{{"kill"}, slices.Repeat([]string{"tie"}, MaxAny+1)}},
		`has no word`:              {All: [][]string{{"kill"}, {"tie", "!"}}},
		"a context in order":       {All: apart("kill", "tie"), Ordered: true, HeadOnly: true},
		"1 words or phrases apart": {All: apart("kill")},
		"9 words or phrases apart": {All: apart(strings.Fields("aa bb cc dd ee ff gg hh ii")...)},
		"within 51":                {All: apart("kill", "tie"), Within: 51},
		"within -1":                {All: apart("kill", "tie"), Within: -1},
		`share the word "kill"`:    {All: apart("kill", "to KÍLL")},
		`part "por" is shorter`:    {Text: "por", Part: true},
		`part "öä1" is shorter`:    {Text: "öä1", Part: true},
		"is 2 words":               {Text: "free porn", Part: true},
		"part of 65 letters":       {Text: strings.Repeat("p", 65), Part: true},
		"number too large":         {Text: "kill", Ref: 1 << 31},
	} {
		bad := p.Check()
		if bad == nil || !strings.Contains(bad.What, what) || bad.Mend == "" {
			t.Errorf("want %q, got %v", what, bad)
		}
		_, err := Build([]Phrase{{Text: "kill"}, p})
		var told *BadPhrase
		if !errors.As(err, &told) || told.Index != 1 {
			t.Errorf("%s: Build says %v", what, err)
		}
	}
	for _, p := range []Phrase{
		{Text: "kys"}, {Text: strings.Repeat("kill ", 12)}, {All: apart("noose", "tie")}, {Text: "porn", Part: true}, {Text: "自殺"}, {Text: "ab"}, {Text: "a b"},
	} {
		if bad := p.Check(); bad != nil {
			t.Errorf("%+v: %v", p, bad)
		}
	}
}

func TestMoreThanATableHoldsIsRefused(t *testing.T) {
	var parts, same []Phrase
	for i := range MaxParts + 1 {
		parts = append(parts, Phrase{Text: fmt.Sprintf("part%d", i), Part: true})
	}
	for i := range maxShared {
		same = append(same, Phrase{Ref: uint32(i), Text: "kill"})
	}
	if _, err := Build(parts); err == nil || !strings.Contains(err.Error(), "more than 2000 parts") {
		t.Errorf("parts: %v", err)
	}
	table := tableOf(t, same...)
	if got := len(table.Search(new(Scratch), "kill")); got != maxShared {
		t.Errorf("%d hits, want every one of %d", got, maxShared)
	}
	var bad *BadPhrase
	if _, err := Build(append(same, Phrase{Text: "spare"}, Phrase{Text: "kill him"}, Phrase{Text: "other"})); !errors.As(err, &bad) || bad.Index != maxShared+1 || !strings.Contains(bad.What, `"kill him"`) {
		t.Errorf("shared: %v", err)
	}
	together := Phrase{All: apart("kill", "him"), Within: 2}
	if _, err := Build(append(same, Phrase{Text: "spare"}, together)); !errors.As(err, &bad) || bad.Index != maxShared+1 || !strings.Contains(bad.What, `"kill"`) {
		t.Errorf("shared by words apart: %v", err)
	}
	var sets []Phrase
	for i := range maxShared/2 + 1 { // of each both the set and where it stood are told
		sets = append(sets, Phrase{All: [][]string{{"kill", fmt.Sprintf("w%d", i)}, {"him"}}, Ordered: true})
	}
	if _, err := Build(sets); !errors.As(err, &bad) || bad.Index != maxShared/2 || !strings.Contains(bad.What, `"kill"`) {
		t.Errorf("shared by sets: %v", err)
	}
}

func TestTheSameListMakesTheSameTable(t *testing.T) {
	list, spellings := fromLines(someLines)
	list = append(list, shipped(t, 0)...)
	a, err := Build(list, spellings...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Build(list, spellings...)
	if err != nil || !bytes.Equal(a, b) {
		t.Errorf("two tables of one list differ: %v", err)
	}
}

func TestATableThatIsNoneIsRefused(t *testing.T) {
	list, spellings := fromLines(someLines)
	good, err := Build(list, spellings...)
	if err != nil {
		t.Fatal(err)
	}
	for what, b := range map[string][]byte{
		"this is none":          []byte("PK\x03\x04"),
		"is of version 1":       append(append(append([]byte{}, good[:8]...), 1), good[9:]...),
		"lies outside":          good[:len(good)-8],
		"want a multiple of 24": append(append(append([]byte{}, good[:20]...), good[20]+1), good[21:]...),
	} {
		if _, err := Open(b); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("want %q, got %v", what, err)
		}
	}
	empty := tableOf(t)
	if got := empty.Search(new(Scratch), "s3lf h4rm tooo k i l l"); len(got) != 0 {
		t.Errorf("an empty table finds %v", got)
	}
}

// A device reads text as the compiler read the phrases only if both fold alike.
// This is all of folding, of every rune, as one number: when it changes, by our
// hand or by a new Go, raise rules.Engine, so that no device is handed rules
// that it reads otherwise.
func TestFoldingChangesOnlyWithTheEngine(t *testing.T) {
	h := sha256.New()
	s := new(Scratch)
	for r := rune(0); r <= unicode.MaxRune; r++ {
		for _, text := range []string{"a" + string(r) + "b", string(r)} {
			s.reset(text)
			s.read(text, 'i')
			for _, w := range s.words {
				h.Write(append(s.bytes(w), 0))
			}
			h.Write([]byte{1})
		}
	}
	const want = "cdf825ce42291cd4"
	if got := hex.EncodeToString(h.Sum(nil)[:8]); got != want {
		t.Errorf("folding is %s, was %s: raise rules.Engine and note the new one here", got, want)
	}
}
