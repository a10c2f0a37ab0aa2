package policy_test

import (
	"strings"
	"testing"

	"safelight/collector/model"
	"safelight/collector/policy"
)

func TestAnExplanationSaysWhatDecidedAndWhyTheOthersDidNot(t *testing.T) {
	o := newOffice(t, true)
	o.begin(both(t))
	ask := func(q model.RuleQuestion) model.RuleExplanation {
		t.Helper()
		x, err := o.Explain(t.Context(), policy.InForceName, q)
		must(t, err)
		here, err := policy.Explain(policy.Side{Name: "1.1", Files: both(t)}, q)
		must(t, err)
		if here.Says != x.Says || len(here.Findings) != len(x.Findings) {
			t.Errorf("of a folder %+v, in force %+v", here, x)
		}
		return x
	}
	x := ask(model.RuleQuestion{Kind: "search", Text: "gr4ve words"})
	if x.Verdict != "flag" || x.Says != "An event is sent: Grave, urgent, by the rule grave/g-1." || len(x.Findings) == 0 || !x.Findings[0].Won ||
		!strings.Contains(x.Findings[0].Says, `(mine/grave.yaml:`) || !strings.Contains(x.Findings[0].Says, `read as "grave words"`) {
		t.Errorf("explained %+v", x)
	}
	x = ask(model.RuleQuestion{Kind: "domain", Text: "grave.test", Role: "staff"})
	if x.Verdict != "none" || x.Says != "Nothing comes of it." || len(x.Findings) != 1 || !strings.Contains(x.Findings[0].Says, "does nothing for staff") {
		t.Errorf("explained %+v", x)
	}
}

func TestABadQuestionIsRefused(t *testing.T) {
	for says, q := range map[string]model.RuleQuestion{
		"the kind": {Kind: "mail", Text: "x"}, "the text": {Kind: "search", Text: " "},
		"the role": {Kind: "search", Text: "x", Role: "king"}, "--premises": {Kind: "search", Text: "x", Premises: "near"},
		"the year": {Kind: "search", Text: "x", Year: "x"}, "the period": {Kind: "search", Text: "x", Periods: []string{"lessons"}},
	} {
		_, err := policy.Explain(policy.Side{Name: "folder", Files: both(t)}, q)
		wantError(t, err, says)
	}
	_, err := policy.Explain(policy.Side{Name: "folder", Files: map[string][]byte{"x.yaml": nil}}, model.RuleQuestion{Kind: "search", Text: "x"})
	wantError(t, err, "the rules of folder")
}
