package rules

import (
	"fmt"
	"slices"

	"safelight/internal/event"
)

// Explanation is everything that was found in an observation, and what came of
// it. It is for whoever writes rules; no device makes one by itself.
type Explanation struct {
	Verdict  Verdict
	Findings []Finding // the one that won first, then those that could have
	// Help are the words that ask for help, where there are some (G1).
	Help bool
}

// Finding is a rule that matched.
type Finding struct {
	Rule       string
	Kind       RuleKind
	Category   string
	Pack       string
	File       string
	Line       int
	Match      string // as it stood in the text, or in the host cleaned
	Start, End int    // its bytes
	ReadAs     string
	How        []string
	Weight     uint32 // of a phrase
	Severity   event.Severity
	Decision   Decision
	Scope      string
	Won        bool
	Lost       string // why it did not win, in words; empty if it won
	By         string // the rule that it lost to, where it was one: a mask, a more specific name, a graver finding
}

// loss is a way of not winning.
type loss uint8

const (
	lostToNobody loss = iota
	lostToRule
	lostToName
	lostToAllow
	lostToHelp
	lostToThreshold
	lostToReview
	lostToScope
	lostToRole
	lostToHours
)

// trace is what Explain notes while an observation is judged.
type trace struct{ all []traced }

type traced struct {
	finding
	loss loss
	by   *Rule
	words
}

// words is what is known of a phrase while its scratch lasts.
type words struct {
	readAs string
	how    []string
	sum    uint32 // of its category
}

// Explain judges as Judge does and keeps every finding, with what became of it.
func (rs *Ruleset) Explain(in Input) Explanation {
	j, t := &judging{}, &trace{}
	e := Explanation{Verdict: j.judge(rs, in, t)}
	e.Help = j.help
	for _, x := range t.all {
		e.Findings = append(e.Findings, j.told(x))
	}
	slices.SortStableFunc(e.Findings, func(a, b Finding) int {
		switch {
		case a.Won != b.Won && a.Won, a.Won == b.Won && a.Decision != "" && b.Decision == "":
			return -1
		case a.Won != b.Won, a.Won == b.Won && a.Decision == "" && b.Decision != "":
			return 1
		}
		return 0
	})
	return e
}

// lost notes a finding that did not stand, and found one that did.
func (j *judging) lost(f finding, why loss, by *Rule) {
	if j.trace == nil {
		return
	}
	f.decision = ""
	j.trace.all = append(j.trace.all, traced{f, why, by, j.wordsOf(f)})
}

func (j *judging) found(f finding) {
	if j.trace != nil && !j.isTold(f) {
		j.trace.all = append(j.trace.all, traced{f, lostToNobody, nil, j.wordsOf(f)})
	}
}

// isTold says whether a sum was found already, between the same words: stretches of a
// text overlap, and readings are alike.
func (j *judging) isTold(f finding) bool {
	return f.weighed != nil && slices.ContainsFunc(j.trace.all, func(x traced) bool {
		return x.loss == lostToNobody && x.rule == f.rule && x.start == f.start && x.end == f.end
	})
}

func (j *judging) wordsOf(f finding) (w words) {
	if f.weighed != nil {
		w.how, w.sum = f.weighed.terms(j.text), uint32(max(f.weighed.points, 0))
	}
	if f.rule.Kind != RulePhrase {
		return w
	}
	w.readAs, w.how = j.words.ReadAs(f.words), f.words.How.Words()
	if len(j.sums) > int(f.rule.Category) {
		w.sum = j.sums[f.rule.Category]
	}
	return w
}

// told words what was noted, once it is known which finding won.
func (j *judging) told(x traced) Finding {
	r := x.rule
	f := Finding{
		Rule: r.ID, Kind: r.Kind, Pack: r.Pack, File: r.File, Line: r.Line, Start: x.start, End: x.end,
		ReadAs: x.readAs, How: x.how, Weight: r.Weight, Severity: x.severity, Decision: x.decision,
	}
	if x.weighed != nil {
		f.Weight = x.sum
	}
	if f.Severity == 0 {
		f.Severity = r.Severity
	}
	if r.Category >= 0 {
		f.Category = j.category(r).ID
	}
	if r.Scope != 0 {
		f.Scope = j.rs.policy.Scopes[r.Scope].String()
	}
	f.Match = j.text[f.Start:f.End]
	if f.ReadAs == f.Match {
		f.ReadAs = ""
	}
	f.Won = x.loss == lostToNobody && j.best.rule == r && j.best.start == x.start && j.best.end == x.end
	if !f.Won {
		f.Lost, f.By = j.reason(x)
	}
	return f
}

// reason says why a finding did not win, and to which rule it lost.
func (j *judging) reason(x traced) (why, by string) {
	if x.by != nil {
		by = x.by.ID
	}
	at := func() string { return fmt.Sprintf("%s (%s:%d)", by, x.by.File, x.by.Line) }
	switch x.loss {
	case lostToRule:
		return "stands below " + at() + ": a school's rule, then the more specific name, then an allow", by
	case lostToName:
		return "a rule of the category is about the site itself, which words in its name cannot outdo", by
	case lostToAllow:
		return "masked by the allow phrase of " + at(), by
	case lostToHelp:
		return "part of words that ask for help", by
	case lostToThreshold:
		return fmt.Sprintf("the phrases of the category weigh %d together and must reach %d", x.sum, j.category(x.rule).Threshold), by
	case lostToReview:
		return "off: no speaker of its language (" + x.rule.Lang + ") has reviewed it", by
	case lostToScope:
		return "not in its scope: " + j.rs.policy.Scopes[x.rule.Scope].String(), by
	case lostToRole:
		return "its category does nothing for " + roleNames[roleIndex(j.in.Role)], by
	case lostToHours:
		return "out of hours an adult at work is judged by what is locked alone, unless a scope names those hours", by
	}
	return j.outweighed(x.finding), j.best.rule.ID
}

// outweighed says what made the winner the one to tell of.
func (j *judging) outweighed(f finding) string {
	b := j.best
	switch {
	case j.rank(f) < j.rank(b) && j.category(b.rule).Locked:
		return "the other is of a locked category"
	case j.rank(f) < j.rank(b):
		return fmt.Sprintf("the other is a %s and this is a %s", b.decision, f.decision)
	case f.severity < b.severity:
		return fmt.Sprintf("the other is %s and this is %s", b.severity, f.severity)
	case f.rule.Tier < b.rule.Tier:
		return "the other is the school's own rule"
	case f.weight() < b.weight():
		return "the other weighs more"
	case f.end-f.start < b.end-b.start:
		return "the other matches more"
	}
	return "the other stands first"
}
