package notice

import (
	"strings"
	"testing"
)

func TestLinesFitATerminalWhateverStandsInThem(t *testing.T) {
	n := Notice{
		School: "Larkmoor School", Address: "https://about.larkmoor.example:8444/", AsOf: "22 November 2026",
		Sections: []Section{{Title: "What it records", Lead: []string{strings.Repeat("word ", 60)}, Points: []string{strings.Repeat("longer words ", 20)}}},
	}
	for line := range strings.Lines(n.Text()) {
		if len([]rune(strings.TrimRight(line, "\n"))) > width {
			t.Errorf("%d characters: %q", len(line), line)
		}
	}
	if !strings.Contains(n.Text(), "\n    longer words") {
		t.Errorf("a point's second line does not stand under its first:\n%s", n.Text())
	}
	long := strings.Repeat("x", 2*width)
	if got := (Notice{Address: long}).Text(); !strings.Contains(got, long) {
		t.Error("an address that is longer than a line was lost")
	}
}

func TestHelplinesComeFirstEvenBeforeASchoolWasHeardOf(t *testing.T) {
	text := Unheard().Text()
	last := -1
	for _, want := range []string{"999", "0800 1111", "116 123", "What Safelight is", "helplines. Never.", "You can ask"} {
		at := strings.Index(text, want)
		if at <= last {
			t.Errorf("%q is missing, or comes too early:\n%s", want, text)
		}
		last = at
	}
}
