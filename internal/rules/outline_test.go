package rules_test

import (
	"slices"
	"testing"

	"safelight/internal/packdir"
	"safelight/internal/rules"
)

func TestOutlineHoldsEveryWordOfEveryFile(t *testing.T) {
	files, err := packdir.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	files["mine/pack.yaml"] = []byte("pack: mine\ntitle: Mine\nversion: 2\n")
	files["mine/more.yaml"] = []byte(`extends: gambling
owner: Head
why: Asked for.
phrases: [{id: mine-1, text: penny arcade falls, forms: [arcade pennies], severity: high}]
allow: [arcade pennies museum]
domains: [pennies.test, {allow: [museum.pennies.test]}]
programs: [{name: pennies.exe, path: '*\Games\*'}]
tests: {hit: [penny arcade falls], miss: [a museum]}
`)
	o, err := rules.OutlineOf(files)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(o.Categories, func(c rules.OutlineCategory) bool { return c.ID == "gambling" })
	if i < 0 || len(o.Marks) == 0 || len(o.Packs) != 4 {
		t.Fatalf("%d categories, %d marks, %d packs", len(o.Categories), len(o.Marks), len(o.Packs))
	}
	c := o.Categories[i]
	for text, want := range map[string]rules.RuleKind{
		"penny arcade falls": rules.RulePhrase, "arcade pennies": rules.RulePhrase, "arcade pennies museum": rules.RuleAllowPhrase,
		"pennies.test": rules.RuleDomain, "museum.pennies.test": rules.RuleAllowDomain, `pennies */games/*`: rules.RuleProgram,
	} {
		at := slices.IndexFunc(c.Rules, func(r rules.OutlineRule) bool { return r.Text == text })
		if at < 0 || c.Rules[at].Kind != want || c.Rules[at].Tier != rules.TierSchool {
			t.Errorf("%q is not in the outline as kind %d of the school", text, want)
		}
	}
	if c.Risk == "" || len(c.Actions) != len(rules.Roles()) || !slices.Contains(c.Hits, "penny arcade falls") {
		t.Errorf("outline of %+v", c)
	}
}
