package phrases

import (
	"slices"
	"strings"
	"testing"
)

func TestAPhraseIsFoundHoweverItIsWritten(t *testing.T) {
	table := texts(t, "self harm", "don't stab", "café", "kill")
	for _, text := range []string{
		"self harm", "SELF HARM", "Self-Harm", "self  harm", "self, harm", "(self harm)", "self_harm", "self/harm",
		"s3lf h4rm", "s3lf harm", "$elf h@rm", "5elf-h4rm", "se1f harm", "s€lf harm",
		"s.e.l.f h.a.r.m", "s-e-l-f h-a-r-m", "s e l f h a r m", "s e l f  h a r m", "se.lf ha.rm", "s*elf h*arm",
		"sélf hàrm", "ｓｅｌｆ ｈａｒｍ", "𝓼𝓮𝓵𝓯 𝓱𝓪𝓻𝓶", "ⓢⓔⓛⓕ ⓗⓐⓡⓜ", "sеlf hаrm", "ѕеlf hаrm", "sel\u200bf harm", "se\u0301lf harm",
		"🅂🄴🄻🄵 harm", "selffff harrrm", "seeeelf haaaarm", "i will s.e.l.f h.a.r.m today", "self harm 2024", "🙂self harm🙂",
	} {
		if !slices.Equal(refs(table, text), []uint32{0}) {
			t.Errorf("%q is not read as self harm: %v", text, refs(table, text))
		}
	}
	for text, ref := range map[string]uint32{
		"dont stab": 1, "don’t stab": 1, "DON`T STAB": 1,
		"cafe": 2, "CAFÉ": 2, "k!ll": 3, "kill!": 3, "k1ll": 3, "kiiill": 3, "kiiil": 3,
	} {
		if !slices.Equal(refs(table, text), []uint32{ref}) {
			t.Errorf("%q: found %v, want %d", text, refs(table, text), ref)
		}
	}
}

// A pupil types Urdu or Arabic on the keyboard there is: yeh, kaf and heh have a
// code of their own on each, vowel points and hamza are left out, and none of it
// is a trick worth telling of. Nor is the dot of Punjabi, in two codes or one.
func TestALetterIsReadAsAnyKeyboardHasIt(t *testing.T) {
	table := texts(t, "خودکشی کیسے کریں", "أريد أن أموت", "مدرسة", "ک ہی", "ਖ਼ੁਦਕੁਸ਼ੀ")
	for text, ref := range map[string]uint32{
		"خودکشی کیسے کریں": 0, "خودكشي كيسے كريں": 0, "خودکشى کیسے کریں": 0,
		"أريد أن أموت": 1, "اريد ان اموت": 1, "أُرِيدُ أَنْ أَمُوتَ": 1,
		"مدرسه": 2, "مدرسة": 2, "ك هي": 3,
		"\u0a16\u0a41\u0a26\u0a15\u0a41\u0a38\u0a3c\u0a40": 4, "\u0a59\u0a41\u0a26\u0a15\u0a41\u0a36\u0a40": 4, "\u0a16\u0a41\u0a26\u0a15\u0a41\u0a38\u0a40": 4,
	} {
		if !slices.Equal(refs(table, text), []uint32{ref}) {
			t.Errorf("%q: found %v, want %d", text, refs(table, text), ref)
		}
	}
	for _, h := range table.Search(new(Scratch), "خودكشي كيسے كريں") {
		if h.How != 0 {
			t.Errorf("an ordinary keyboard is told as %q", h.How.Words())
		}
	}
	for _, other := range []string{"مدرس", "خودکشا", "اريد ان انام", "خودکش کیسے کریں"} {
		if found := refs(table, other); found != nil {
			t.Errorf("%q is read as %v", other, found)
		}
	}
}

// A 1 among words is an I where the text has letters in digits at all; the number of
// a line, a year, a level are numbers.
func TestALoneOneIsAnIBesideWordsOnly(t *testing.T) {
	table := texts(t, "i want to die", "i kill")
	for text, want := range map[string]bool{
		"1 want to d1e": true, "s0 1 want to die": true, "1 w4nt to die": true, "1 k1ll": true, "1 ki11": true,
		"1) want to d1e": false, "1. want to d1e": false, "11 want to d1e": false, "level-1 want to d1e": false, "2 want to d1e": false,
		"chapter 1 kill a mockingbird": false, "1, k1ll": false, "1 kill 2 birds": false,
	} {
		if got := refs(table, text) != nil; got != want {
			t.Errorf("%q: found %t, want %t", text, got, want)
		}
	}
}

// The accidents of the Scunthorpe family: words within words, words across
// words, numbers, and other people's languages.
func TestAnOrdinaryWordIsNotReadAsAnother(t *testing.T) {
	table := texts(t, "the rapist", "sex", "ass", "kill", "pot", "tit", "self harm", "sos", "anal", "resign", "die", "cooperate now")
	for _, text := range []string{
		"therapist", "the-rapids", "essex", "sussex", "sexton", "class", "bass", "skill", "kills", "killed", "spot", "potato",
		"title", "titan", "scunthorpe", "555", "a 55 b", "505", "50 5", "7 17", "717", "1984", "self charm", "selfharmony",
		"harm self", "self and harm", "рот", "рот і ніс", "сос", "тит", "σοσ", "s e x t o n", "k i l l e r", "i a m", "a b c d", "a s e x t o n i", "i k i l l e r", "a d i", "a.b.c.d", "a-class", "1ll s1ng",
		"kil", "sek", "analysis", "an al", "e-mail", "u.s.a", "a 5 5", "s 0 5", "5 e x", "a n 4 1", "5 0 5 e", "d 1 3", "PoIIution", "KIng HaI", "SKILL", "SkiII", "DIE2", "cIass", "tItIe", "v1.2.3", "0xdeadbeef", "3d", "", "   ", "!!!", "\x00", "\xff\xfe", "…",
	} {
		if found := refs(table, text); found != nil {
			t.Errorf("%q is read as %v", text, found)
		}
	}
}

func TestAHitSaysWhereItStandsAndHowItWasRead(t *testing.T) {
	table := texts(t, "self harm", "kill myself")
	for _, c := range []struct{ text, match, readAs, how string }{
		{"my Self-Harm!", "Self-Harm", "", ""},
		{"xx s3lf h4rm yy", "s3lf h4rm", "self harm", "digits read as letters"},
		{"sélf harm", "sélf harm", "self harm", "accents"},
		{"ｓｅｌｆ harm", "ｓｅｌｆ harm", "self harm", "full-width letters"},
		{"𝓼𝓮𝓵𝓯 harm", "𝓼𝓮𝓵𝓯 harm", "self harm", "letters in another style"},
		{"sel\u200bf harm", "sel\u200bf harm", "self harm", "hidden characters"},
		{"sеlf harm", "sеlf harm", "self harm", "look-alike letters"},
		{"seeelf harm", "seeelf harm", "self harm", "stretched letters"},
		{"se.lf harm", "se.lf harm", "self harm", "put together"},
		{"can i k i l l m y s e l f", "k i l l m y s e l f", "killmyself", "spelled out"},
		{"i-k-i-l-l m-y-s-e-l-f", "k-i-l-l m-y-s-e-l-f", "kill myself", "spelled out"},
		{"k i l l m y s e l f i cant go on", "k i l l m y s e l f", "killmyself", "spelled out"},
		{"i k i l l m y s e l f a", "k i l l m y s e l f", "killmyself", "spelled out"},
		{"k1ll myse1f", "k1ll myse1f", "kill myself", "digits read as letters"},
		{"ki!l myse|f", "ki!l myse|f", "kill myself", "digits read as letters"},
		{"to k.i.l.l m.y.s.e.l.f", "k.i.l.l m.y.s.e.l.f", "kill myself", "spelled out"},
		{"now: k i l l m y s e l f", "k i l l m y s e l f", "killmyself", "spelled out"},
		{"kiII myself", "kiII myself", "kill myself", "look-alike letters"},
		{"i wiII kiII myseIf", "kiII myseIf", "kill myself", "look-alike letters"},
		{"k1ll myseIf", "k1ll myseIf", "kill myself", "look-alike letters, digits read as letters"},
		{"k 1 l l myself", "k 1 l l myself", "kill myself", "digits read as letters, spelled out"},
		{"k 1 l l m y s e l f", "k 1 l l m y s e l f", "killmyself", "digits read as letters, spelled out"},
		{"k i 1 1 m y s 3 1 f", "k i 1 1 m y s 3 1 f", "killmyself", "digits read as letters, spelled out"},
		{"i k 1 l l m y s e l f", "k 1 l l m y s e l f", "killmyself", "digits read as letters, spelled out"},
		{"k.1.l.l m.y.s.e.l.f", "k.1.l.l m.y.s.e.l.f", "kill myself", "digits read as letters, spelled out"},
		{"sélf h4rm", "sélf h4rm", "self harm", "accents, digits read as letters"},
	} {
		s := new(Scratch)
		hits := table.Search(s, c.text)
		if len(hits) != 1 {
			t.Errorf("%q: %d hits", c.text, len(hits))
			continue
		}
		h := hits[0]
		if got := c.text[h.Start:h.End]; got != c.match || s.ReadAs(h) != c.readAs || strings.Join(h.How.Words(), ", ") != c.how {
			t.Errorf("%q: match %q read as %q by %q", c.text, got, s.ReadAs(h), h.How.Words())
		}
	}
}
