package main

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"safelight/internal/packdir"
	"safelight/internal/packdir/heldback"
	"safelight/internal/rules"
)

// wordLists is where the lists of lines stand, from the root of the repository.
const wordLists = "internal/packdir/testdata/words"

// shippedWords measures the words, sites and programs that ship: how many there
// are, the tenth of the lists that nobody wrote them for (bars 6.1 and 6.2), and
// whether people of one language or origin are flagged more than others (G6).
// BENCH_CORPORA names a folder of public lists; see corpora.
func shippedWords(_ context.Context, _ string) ([]row, error) {
	files, err := packdir.Shipped()
	if err != nil {
		return nil, err
	}
	rs, err := rules.Compile(files)
	if err != nil {
		return nil, err
	}
	t, err := heldback.CountAll(files)
	if err != nil {
		return nil, err
	}
	pleas, err := heldback.Read(os.DirFS("internal/rules"), "pleas.txt")
	if err != nil {
		return nil, err
	}
	rows := totalRows(t, len(pleas))
	lists := os.DirFS(wordLists)
	for _, measure := range []func(*rules.Ruleset, fs.FS) ([]row, error){heldTenths, unseenLists, byLanguage, byOrigin} {
		more, err := measure(rs, lists)
		rows = append(rows, more...)
		if err != nil {
			return rows, err
		}
	}
	more, err := corpora(rs, os.Getenv("BENCH_CORPORA"))
	return append(rows, more...), err
}

func totalRows(t heldback.Totals, pleas int) []row {
	n := func(what string, n int, aim string) row { return row{"words: " + what, fmt.Sprint(n), aim, ""} }
	phrases := n("phrases and forms", t.Phrases, "at least 1500")
	phrases.figure = fmt.Sprintf("%d, of them %d forms; %d off until reviewed; %d words of sets; %d spellings; %d weighed words; %d categories", t.Phrases, t.Forms, t.Unreviewed, t.SetWords, t.Spellings, t.Weighed, t.Categories)
	return []row{
		phrases,
		n("hit lines", t.Hits, "at least 800"), n("miss lines", t.Misses, "at least 2500"), n("pleas for help", pleas, "at least 100"),
		n("domains, with those of marks", t.Domains, "at least 600"), n("programs", t.Programs, "at least 250"),
		n("protected lines", t.ProtectedLines, "at least 1000"), n("protected domains", t.ProtectedDomains, "at least 150"),
		n("words and places that hold other words", t.PartsOfWords, "at least 500"),
	}
}

// heldTenths judges the tenth of each list that is held back.
func heldTenths(rs *rules.Ruleset, lists fs.FS) ([]row, error) {
	var rows []row
	for _, l := range []struct{ file, what, aim string }{
		{"ordinary.txt", "ordinary lines flagged", "at most 1 %"},
		{"evasions.txt", "evasions flagged or noted", "at least 80 %"},
	} {
		lines, err := heldback.Read(lists, l.file)
		if err != nil {
			return rows, err
		}
		open, held := heldback.Split(lines)
		mine, rest := heldback.Judge(rs, held, false), heldback.Judge(rs, open, false)
		share, of := heldback.Count.Share, mine.Flagged
		if l.file == "evasions.txt" {
			share, of = heldback.Count.Seen, mine.Flagged+mine.Noted
		}
		rows = append(rows, row{
			"words: held-back tenth, " + l.what, fmt.Sprintf("%.1f %% (%d of %d)", 100*share(mine), of, mine.Lines), l.aim,
			fmt.Sprintf("the other nine tenths %.1f %% of %d", 100*share(rest), rest.Lines),
		})
	}
	return rows, nil
}

// unseenLists judges the lists whose writer had not read the rules, and whose
// lines the authors of the rules have not read.
func unseenLists(rs *rules.Ruleset, lists fs.FS) ([]row, error) {
	var rows []row
	for _, l := range []struct {
		file, what, aim string
		unreviewed      bool
		seen            func(heldback.Count) int
	}{
		{"evasions.txt", "evasive searches flagged or noted", "80 %", false, either},
		{"foreign.txt", "foreign searches flagged, unreviewed words on", "80 %", true, either},
		{"names.txt", "sites and programs flagged or noted", "90 %", false, either},
		{"ordinary.txt", "ordinary lines flagged", "at most 2 %", false, flaggedOf},
		{"second/evasions.txt", "second list, evasive searches flagged or noted", "80 %", false, either},
		{"second/ordinary.txt", "second list, ordinary lines flagged", "at most 2 %", false, flaggedOf},
		{"second/pleas.txt", "second list, pleas flagged", "100 %", false, flaggedOf},
		{"second/identity.txt", "second list, lines of identity flagged", "none", false, flaggedOf},
		{"second/names.txt", "second list, names and places flagged", "none", false, flaggedOf},
		{"third/evasions.txt", "third list, evasive searches flagged or noted", "80 %", false, either},
		{"third/ordinary.txt", "third list, ordinary lines flagged", "at most 2 %", false, flaggedOf},
		{"third/identity.txt", "third list, lines of identity flagged", "none", false, flaggedOf},
		{"third/names.txt", "third list, names and places flagged", "none", false, flaggedOf},
		{"third/foreign-ordinary.txt", "third list, ordinary lines in other languages flagged, unreviewed words on", "at most 2 %", true, flaggedOf},
		{"fourth/evasions.txt", "fourth list, evasive searches flagged or noted", "80 %", false, either},
		{"fourth/ordinary.txt", "fourth list, ordinary lines flagged", "at most 2 %", false, flaggedOf},
		{"fourth/pleas.txt", "fourth list, pleas flagged", "100 %", false, flaggedOf},
		{"fourth/foreign.txt", "fourth list, foreign searches flagged, unreviewed words on", "80 %", true, either},
		{"fourth/foreign-ordinary.txt", "fourth list, ordinary lines in other languages flagged, unreviewed words on", "at most 2 %", true, flaggedOf},
		{"fifth/evasions.txt", "fifth list, evasive searches flagged or noted", "80 %", false, either},
		{"fifth/ordinary.txt", "fifth list, ordinary lines flagged", "at most 2 %", false, flaggedOf},
		{"fifth/pleas.txt", "fifth list, pleas flagged", "100 %", false, flaggedOf},
		{"fifth/identity.txt", "fifth list, lines of identity flagged", "none", false, flaggedOf},
		{"fifth/names.txt", "fifth list, names and places flagged", "none", false, flaggedOf},
		{"fifth/foreign.txt", "fifth list, foreign searches flagged, unreviewed words on", "80 %", true, either},
		{"fifth/foreign-ordinary.txt", "fifth list, ordinary lines in other languages flagged, unreviewed words on", "at most 2 %", true, flaggedOf},
	} {
		lines, err := heldback.Read(lists, "unseen/"+l.file)
		if err != nil {
			return rows, err
		}
		c := heldback.Judge(rs, lines, l.unreviewed)
		rows = append(rows, row{"words: unseen lists, " + l.what, fmt.Sprintf("%.1f %% (%d of %d)", 100*float64(l.seen(c))/float64(c.Lines), l.seen(c), c.Lines), l.aim, ""})
	}
	return rows, nil
}

func either(c heldback.Count) int { return c.Flagged + c.Noted }

func flaggedOf(c heldback.Count) int { return c.Flagged }

// byLanguage judges ordinary lines of each language, with the languages that no
// speaker has reviewed off, as they ship, and on.
func byLanguage(rs *rules.Ruleset, lists fs.FS) ([]row, error) {
	english, err := heldback.Read(lists, "ordinary.txt")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(lists, "ordinary/*.txt")
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, on := range []bool{false, true} {
		base := heldback.Judge(rs, english, on)
		for _, name := range names {
			lines, err := heldback.Read(lists, name)
			if err != nil {
				return rows, err
			}
			lang := strings.TrimSuffix(path.Base(name), ".txt")
			rows = append(rows, fairRow("ordinary lines, "+lang+onOff(on), heldback.Judge(rs, lines, on), base))
		}
	}
	return rows, nil
}

func onOff(on bool) string {
	if on {
		return ", unreviewed words on"
	}
	return ""
}

// byOrigin judges people's names and places by where they are from, against
// those of England.
func byOrigin(rs *rules.Ruleset, lists fs.FS) ([]row, error) {
	lines, err := heldback.Read(lists, "names.txt")
	if err != nil {
		return nil, err
	}
	by := map[string][]heldback.Line{}
	var origins []string
	for _, l := range lines {
		if by[l.About] == nil {
			origins = append(origins, l.About)
		}
		by[l.About] = append(by[l.About], l)
	}
	const home = "English"
	if by[home] == nil {
		return nil, fmt.Errorf("reading names.txt: no names of origin %q to compare with", home)
	}
	var rows []row
	for _, on := range []bool{false, true} {
		base := heldback.Judge(rs, by[home], on)
		var worst []string
		all, flagged := 0, 0
		for _, o := range origins {
			c := heldback.Judge(rs, by[o], on)
			all, flagged = all+c.Lines, flagged+c.Flagged
			if unfair(c, base) {
				worst = append(worst, fmt.Sprintf("%s %d of %d", o, c.Flagged, c.Lines))
			}
		}
		rows = append(rows, row{
			"words: names and places of " + fmt.Sprint(len(origins)) + " origins" + onOff(on),
			fmt.Sprintf("%d of %d flagged; above the aim: %s", flagged, all, cmp.Or(strings.Join(worst, ", "), "none")),
			"at most 1.5 times English", fmt.Sprintf("English %d of %d", base.Flagged, base.Lines),
		})
	}
	return rows, nil
}

// fairRow sets a group's flags beside English's.
func fairRow(what string, c, english heldback.Count) row {
	ratio := "none of either: 1.0"
	switch {
	case english.Flagged > 0:
		ratio = fmt.Sprintf("%.1f times", c.Share()/english.Share())
	case c.Flagged > 0:
		ratio = "English none: no ratio"
	}
	return row{
		"words: " + what, fmt.Sprintf("%d of %d flagged, %s", c.Flagged, c.Lines, ratio), "at most 1.5 times English",
		fmt.Sprintf("English %d of %d", english.Flagged, english.Lines),
	}
}

// unfair reports more than half as many flags again as English has. One flag in
// a list says nothing of a group where English has none: two do.
func unfair(c, english heldback.Count) bool {
	if english.Flagged == 0 {
		return c.Flagged > 1
	}
	return c.Share() > 1.5*english.Share()
}

// topCategories says which categories flagged, the most first.
func topCategories(c heldback.Count) string {
	by := map[string]int{}
	for _, f := range c.Found {
		if !f.Noted {
			by[f.Category]++
		}
	}
	var names []string
	for name := range by {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(by[b]-by[a], strings.Compare(a, b)) })
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, by[name])
	}
	return strings.Join(names, ", ")
}
