// Package heldback reads the lists of lines that the shipped words are measured
// by, keeps a tenth of each apart, and counts what a set of rules makes of them.
//
// Whoever writes words reads nine tenths of a list and may mend what goes wrong
// there; the last tenth is judged by `make bench` alone, and says how the words
// do on lines that nobody wrote them for. A line is held back by its own hash, so
// that it stays so whatever is added above or beneath it.
//
// The tests of internal/packdir and the benchmark use it; neither program does.
package heldback

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"strings"

	"safelight/internal/event"
	"safelight/internal/rules"
)

// seed is part of every line's hash: another one would hold back other lines,
// some of which have been read by now.
const seed = "safelight 6\n"

// Held says whether a line, as it stands in its file, belongs to the tenth that
// is held back: the first byte of the SHA-256 of seed and line is a multiple of
// ten, as 26 of 256 are.
func Held(line string) bool {
	sum := sha256.Sum256([]byte(seed + line))
	return sum[0]%10 == 0
}

// Line is one line of a list.
type Line struct {
	// About is what stands before a tab: the category of an evasion, the origin of
	// a name, the kind of an observation. Empty where a line has none.
	About string
	Text  string
	Held  bool
}

// Read reads a list: a line each, empty ones and those that begin with # left
// out. An error names the file.
func Read(fsys fs.FS, name string) ([]Line, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading a list of lines: %w", err)
	}
	defer f.Close()
	var out []Line
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		l := Line{Text: text, Held: Held(text)}
		if about, rest, ok := strings.Cut(text, "\t"); ok {
			l.About, l.Text = about, rest
		}
		out = append(out, l)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the lines of %s: %w", name, err)
	}
	return out, nil
}

// Split parts a list into the nine tenths that may be read and the held tenth.
func Split(lines []Line) (open, held []Line) {
	for _, l := range lines {
		if l.Held {
			held = append(held, l)
		} else {
			open = append(open, l)
		}
	}
	return open, held
}

// Count says what became of lines.
type Count struct {
	Lines, Flagged, Noted int
	// Found are the lines that were flagged or noted, with the rule that did it.
	Found []Finding
	// Passed are those of which nothing came.
	Passed []Line
}

// Finding is a line and what found it.
type Finding struct {
	Line     Line
	Category string
	Rule     string
	Noted    bool
}

// Share gives flagged lines as a share of all, from 0 to 1.
func (c Count) Share() float64 { return share(c.Flagged, c.Lines) }

// Seen gives the share of which anything came: flagged, or noted on the device.
func (c Count) Seen() float64 { return share(c.Flagged+c.Noted, c.Lines) }

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// In gives how many lines a category flagged.
func (c Count) In(category string) (n int) {
	for _, f := range c.Found {
		if f.Category == category && !f.Noted {
			n++
		}
	}
	return n
}

// Judge counts what a pupil's device makes of lines: search words, or what About
// says where it is domain or process. Lines about contact outside school are an
// adult's. Unreviewed also judges by languages that no
// speaker has reviewed.
func Judge(rs *rules.Ruleset, lines []Line, unreviewed bool) (c Count) {
	for _, l := range lines {
		in := rules.Input{Kind: event.Search, Text: l.Text, Role: "pupil", Unreviewed: unreviewed}
		if l.About == string(event.Domain) || l.About == string(event.Process) {
			in.Kind = event.Kind(l.About)
		}
		if l.About == "contact-outside-school" {
			in.Role = "staff"
		}
		v := rs.Judge(in)
		c.Lines++
		switch v.Decision {
		case rules.Flag:
			c.Flagged++
		case rules.Note:
			c.Noted++
		default:
			c.Passed = append(c.Passed, l)
			continue
		}
		c.Found = append(c.Found, Finding{Line: l, Category: v.Category, Rule: v.Rule, Noted: v.Decision == rules.Note})
	}
	return c
}
