package phrases

import (
	"errors"
	"strings"
	"testing"
)

func TestWordsAreFoundInTheSpellingPeopleType(t *testing.T) {
	table := speltTable(t,
		[]Phrase{{Ref: 0, Text: "want to die"}, {Ref: 1, Text: "hurt you"}, {Ref: 2, All: apart("you", "die"), Within: 3}, {Ref: 3, Text: "wanna party"}},
		Spelling{"wanna", "want to"}, Spelling{"2", "to"}, Spelling{"U", "you"}, Spelling{"dye", "die"})
	for text, want := range map[string]string{
		"wanna die":         "wanna die",
		"WANNA D1E":         "WANNA D1E",
		"want 2 die":        "want 2 die",
		"hurt u":            "hurt u",
		"u should die":      "u should die",
		"u should dye":      "u should dye",
		"wanna d.i.e":       "wanna d.i.e",
		"wanna party":       "wanna party",
		"wannaaaa die":      "wannaaaa die",
		"hurt uuuu":         "hurt uuuu",
		"WANNAAA D1E":       "WANNAAA D1E",
		"want two die":      "",
		"wannadie":          "",
		"hurt un":           "",
		"wanna wanna u die": "u die",
	} {
		if got := strings.Join(spans(table, text), "|"); got != want {
			t.Errorf("%q: found %q, want %q", text, got, want)
		}
	}
	s := new(Scratch)
	hits := table.Search(s, "i WANNA die")
	if len(hits) != 1 || s.ReadAs(hits[0]) != "want to die" || strings.Join(hits[0].How.Words(), ",") != "other spellings" {
		t.Errorf("read as %q by %v", s.ReadAs(hits[0]), hits[0].How.Words())
	}
	if hits := table.Search(s, "wannnna die"); len(hits) != 1 || s.ReadAs(hits[0]) != "want to die" || strings.Join(hits[0].How.Words(), ",") != "stretched letters,other spellings" {
		t.Errorf("stretched: %v", hits)
	}
	if hits := table.Plain(s, "hurt u"); len(hits) != 0 {
		t.Errorf("a host name is guessed at: %v", hits)
	}
}

func TestASpellingThatCannotBeReadIsRefused(t *testing.T) {
	for want, list := range map[string][]Spelling{
		`"two words" is 2 words`: {{"two words", "one"}},
		`"" is 0 words`:          {{"", "one"}},
		`" ! " is 0 words`:       {{"one", " ! "}},
		`is 5 words`:             {{"one", "a b c d e"}},
		`"Dié" is read anyway`:   {{"Dié", "die"}},
		`"ONE" stands twice`:     {{"one", "two"}, {"ONE", "three"}},
	} {
		_, err := Build([]Phrase{{Text: "kill"}}, list...)
		var bad *BadSpelling
		if !errors.As(err, &bad) || !strings.Contains(bad.What+bad.Mend, want) && !strings.Contains(bad.Error(), want) || bad.Index != len(list)-1 {
			t.Errorf("%v: %v, want %s", list, err, want)
		}
	}
}
