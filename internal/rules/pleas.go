package rules

import (
	_ "embed"
	"fmt"
	"strings"

	"safelight/internal/event"
)

// pleaText holds mixed lines: somebody in danger who also asks for help. The
// part that asks for help stands in square brackets, so that a line can also be
// read without it.
//
//go:embed pleas.txt
var pleaText string

// plea is such a line with and without the words that ask for help.
type plea struct {
	line   string
	signal string
}

// pleas reads pleas.txt.
func pleas() []plea {
	var out []plea
	for line := range strings.Lines(pleaText) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		var p plea
		for rest := line; rest != ""; {
			before, after, _ := strings.Cut(rest, "[")
			help, more, _ := strings.Cut(after, "]")
			p.signal += before
			p.line += before + help
			rest = more
		}
		p.signal = strings.Join(strings.Fields(p.signal), " ")
		out = append(out, p)
	}
	return out
}

// maxPleaProblems keeps one missing category from filling a screen.
const maxPleaProblems = 5

// checkPleas holds every set of rules to G1. Words that ask for help may never
// make a flag smaller or hide it. A set with the starter pack in it must flag
// every plea as urgent; a school's allow phrase that hides one is found here.
func (rs *Ruleset) checkPleas() (ps Problems) {
	starter := false
	for _, p := range rs.policy.Packs {
		starter = starter || p.Name == StarterPack
	}
	for _, p := range pleas() {
		full, _, _ := rs.try(Input{Kind: event.Search, Text: p.line}, everyAllow, false)
		alone, _, _ := rs.try(Input{Kind: event.Search, Text: p.signal}, everyAllow, false)
		var what string
		switch {
		case starter && (full.Decision != Flag || full.Severity != event.Urgent):
			what = fmt.Sprintf("the plea %q is not flagged as urgent (decision %s, severity %s)", p.line, full.Decision, full.Severity)
		case alone.Decision == Flag && (full.Decision != Flag || full.Severity < alone.Severity):
			what = fmt.Sprintf("the plea %q is hidden by the words that ask for help", p.line)
		case full.Decision == Flag && !full.Help:
			what = fmt.Sprintf("the plea %q is not worded as asking for help", p.line)
		default:
			continue
		}
		if len(ps) == maxPleaProblems {
			return append(ps, Problem{What: "more pleas fare the same", Mend: "mend these first"})
		}
		ps = append(ps, Problem{What: what, Mend: "add the words to a life-at-risk category, or take out the allow phrase that covers them (G1)"})
	}
	return ps
}
