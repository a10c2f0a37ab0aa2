package phrases

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
)

// fromLines makes phrases of lines: "*porn" is a part, "noose+tie/5" words
// apart, "kill>him,her/3" such in order, with a choice, "kill~python/3" a context,
// "wanna=want to" a spelling; everything else is a text. Those that Check refuses
// are left out.
func fromLines(lines string) (list []Phrase, spellings []Spelling) {
	typed := map[string]bool{}
	for line := range strings.Lines(lines) {
		line = strings.TrimSuffix(line, "\n")
		p := Phrase{Ref: uint32(len(list)), Text: line}
		body, within, apart := strings.Cut(line, "/")
		n, _ := strconv.Atoi(within)
		switch {
		case strings.HasPrefix(line, "*"):
			p.Text, p.Part = line[1:], true
		case apart && strings.Contains(body, "~"):
			p = Phrase{Ref: p.Ref, All: choices(body, "~"), Within: n, HeadOnly: true}
		case apart && strings.Contains(body, ">"):
			p = Phrase{Ref: p.Ref, All: choices(body, ">"), Within: n, Ordered: true}
		case apart && strings.Contains(body, "+"):
			p = Phrase{Ref: p.Ref, All: choices(body, "+"), Within: n}
		case strings.Contains(line, "="):
			s := Spelling{}
			s.Typed, s.Meant, _ = strings.Cut(line, "=")
			if key := string(new(Scratch).Fold(s.Typed)); s.Check() == nil && !typed[key] {
				typed[key] = true
				spellings = append(spellings, s)
			}
			continue
		}
		if p.Check() == nil && len(list) < 40 {
			list = append(list, p)
		}
	}
	return list, spellings
}

func choices(body, sign string) (all [][]string) {
	for text := range strings.SplitSeq(body, sign) {
		all = append(all, strings.Split(text, ","))
	}
	return all
}

const someLines = "self harm\nself harm now\nkill\nkill myself\n*porn\n*pornhub\n*ornhu\nnoose+tie/2\nkill~python~process/3\nto\ntoo\nwant to die\n自殺\n自殺方法\nубить\nكتاب جديد\nआत्महत्या\nstraße\na b c\nfree+self pity+sad/4\nto>die,harm/2\nwant,kill>want,to>die/3\ntie,free+porn,kill/3\nwanna=want to\n2=to\nu=a quite"

var someTexts = []string{
	"", "wanna die", "u wanna harm want 2 die die", "want to to die want die harm harm", "self harm now", "s3lf h4rm n0w", "k i l l m y s e l f", "freepornhubs", "fréePÖRNhub x", "p-o-r-n-h-u-b", "tie the noose tie noose",
	"kill kill python python kill process kill", "want tooo die tooo", "自殺方法を知りたい", "死自 殺", "убииить убить", "كتابٌ جديد", "आत्महत्या करना",
	"STRASSE straße", "a b c d", "sad sad self pity free", "\xff\x00self harm\xff", "ﬃporn ｐｏｒｎ 𝓹𝓸𝓻𝓷", "self\u200b harm", "kill\u0301 myself!", "@$$ €urope k!|| 1ll!",
	"sеlf hаrm", "1984 5!5 50.5", "a.b.c self_harm", "noose aa bb tie", "noose aa bb cc tie",
	"a quite ordinary question  with two spaces, and a comma, of more than sixty-four bytes in all", "Abcdefgh ABCDEFGHI abcdefghijklmnopqrstuvwxyz", "eight ch",
	"kiII myseIf aII", "1 want to d1e", "k 1 l l myself k 1 l l m y s e 1 f", " leading", "trailing ", "sixty four bytes of small letters and spaces are what fit in oneX", "averyveryveryverylongwordthatfillsmorethanthewholewindowofsixtyfourbytesatonce x",
}

// FuzzSearch: whatever is looked for in whatever text, offsets lie within it and
// cut no letter, and plain hits are those of the obvious way.
func FuzzSearch(f *testing.F) {
	for _, text := range someTexts {
		f.Add(someLines, text)
	}
	f.Fuzz(func(t *testing.T, lines, text string) {
		if len(lines) > 2000 || len(text) > 300 {
			return
		}
		list, spellings := fromLines(lines)
		for _, p := range list {
			if len(p.All) > 3 {
				return // the obvious way takes too long
			}
		}
		agree(t, list, speltTable(t, list, spellings...), spellings, text)
	})
}

// FuzzOpen: whatever bytes a file holds, opening and searching it never fail
// but with an error.
func FuzzOpen(f *testing.F) {
	list, spellings := fromLines(someLines)
	b, err := Build(list, spellings...)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b, 0, byte(0))
	for i := 16; i < len(b); i += 37 {
		f.Add(b, i, byte(0xff))
		f.Add(b, i, byte(0x01))
	}
	f.Fuzz(func(t *testing.T, b []byte, at int, change byte) {
		b = bytes.Clone(b)
		if at >= 0 && at < len(b) {
			b[at] ^= change
		}
		table, err := Open(b)
		if err != nil {
			return
		}
		s := new(Scratch)
		for _, text := range someTexts {
			for _, h := range table.Search(s, text) {
				if h.Start < 0 || h.Start > h.End || h.End > len(text) {
					t.Fatalf("%q: span %d-%d", text, h.Start, h.End)
				}
				_ = s.ReadAs(h)
			}
		}
	})
}
