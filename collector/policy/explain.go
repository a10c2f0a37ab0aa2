package policy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"safelight/collector/model"
	"safelight/internal/event"
	"safelight/internal/rules"
)

// Explain says what a set of rules makes of something that a device might see, and
// of every rule that had a part in it.
func Explain(side Side, q model.RuleQuestion) (model.RuleExplanation, error) {
	in, err := question(q)
	if err != nil {
		return model.RuleExplanation{}, err
	}
	set, err := compile(side.Files)
	if err != nil {
		return model.RuleExplanation{}, fmt.Errorf("the rules of %s: %w", side.Name, err)
	}
	return explained(side.Name, set.Explain(in), q), nil
}

// Explain is the function of that name for rules that the collector holds, with the
// names of the lists that they subscribe to.
func (w *Workflow) Explain(ctx context.Context, name string, q model.RuleQuestion) (model.RuleExplanation, error) {
	side, err := w.Find(ctx, name)
	if err != nil {
		return model.RuleExplanation{}, err
	}
	in, err := question(q)
	if err != nil {
		return model.RuleExplanation{}, err
	}
	if w.has != nil {
		school, err := w.has(ctx)
		if err != nil {
			return model.RuleExplanation{}, fmt.Errorf("reading what the school has: %w", err)
		}
		if err := school.CheckWhere(q.Groups, q.Site, q.Periods); err != nil {
			return model.RuleExplanation{}, err
		}
	}
	set, err := w.asOnDevices(ctx, side)
	if err != nil {
		return model.RuleExplanation{}, err
	}
	return explained(side.Name, set.Explain(in), q), nil
}

var kindsOfQuestion = []event.Kind{event.Domain, event.Search, event.Process}

// question is a question as the rules take it.
func question(q model.RuleQuestion) (rules.Input, error) {
	switch {
	case !slices.Contains(kindsOfQuestion, event.Kind(q.Kind)):
		return rules.Input{}, fmt.Errorf("the kind %q: want one of %v", q.Kind, kindsOfQuestion)
	case strings.TrimSpace(q.Text) == "" || len(q.Text) > 1000:
		return rules.Input{}, errors.New("the text: want 1 to 1000 characters of what a device would see")
	case q.Role != "" && !slices.Contains(rules.Roles(), q.Role):
		return rules.Input{}, fmt.Errorf("the role %q: want one of %s", q.Role, strings.Join(rules.Roles(), ", "))
	case !slices.Contains([]string{"", "on", "off"}, q.Premises):
		return rules.Input{}, fmt.Errorf("--premises %q: want on or off", q.Premises)
	}
	if err := rules.CheckWho(q.Year, q.Periods); err != nil {
		return rules.Input{}, err
	}
	return rules.Input{
		Kind: event.Kind(q.Kind), Text: q.Text, Exe: q.Exe, Role: cmp.Or(q.Role, "pupil"), Year: q.Year, Groups: q.Groups,
		Site: q.Site, Premises: q.Premises, Periods: q.Periods, At: q.At, Unreviewed: q.Unreviewed,
	}, nil
}

// explained words an explanation.
func explained(name string, e rules.Explanation, q model.RuleQuestion) model.RuleExplanation {
	v := e.Verdict
	x := model.RuleExplanation{
		Rules: name, Text: q.Text, Verdict: string(v.Decision), Category: v.Category, Title: v.Title, Rule: v.Rule, Match: v.Match,
		Why: v.Why, Raised: v.Raised, NotSeen: v.NotSeen, Help: e.Help, Findings: []model.RuleFinding{},
	}
	if v.Category != "" {
		x.Severity = v.Severity.String()
	}
	x.Says = says(x)
	for _, f := range e.Findings {
		x.Findings = append(x.Findings, finding(f))
	}
	return x
}

// says is the verdict in a sentence.
func says(x model.RuleExplanation) string {
	what := fmt.Sprintf("%s, %s, by the rule %s", x.Title, x.Severity, x.Rule)
	switch rules.Decision(x.Verdict) {
	case rules.Flag:
		return "An event is sent: " + what + "."
	case rules.Note:
		return "It is noted on the device, and nobody is told: " + what + "."
	case rules.Exempt:
		return "It would be flagged, but for a teacher's exemption: " + what + "."
	case rules.Safe:
		return "It is a helpline: never flagged and never logged."
	}
	return "Nothing comes of it."
}

func finding(f rules.Finding) model.RuleFinding {
	out := model.RuleFinding{
		Rule: f.Rule, Category: f.Category, Pack: f.Pack, Match: f.Match, ReadAs: f.ReadAs, How: f.How, Weight: f.Weight,
		Scope: f.Scope, Won: f.Won, Lost: f.Lost, By: f.By, Where: "built in",
	}
	if f.File != "" {
		out.Where = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	if f.Severity != 0 {
		out.Severity = f.Severity.String()
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s (%s) matches %q", f.Rule, out.Where, f.Match)
	if f.ReadAs != "" {
		fmt.Fprintf(&text, ", read as %q", f.ReadAs)
	}
	if len(f.How) > 0 {
		fmt.Fprintf(&text, " (%s)", strings.Join(f.How, ", "))
	}
	if f.Scope != "" {
		fmt.Fprintf(&text, ", for %s", f.Scope)
	}
	if f.Won {
		text.WriteString(": it decides")
	} else {
		text.WriteString(": " + cmp.Or(f.Lost, "it does not decide"))
	}
	out.Says = text.String()
	return out
}
