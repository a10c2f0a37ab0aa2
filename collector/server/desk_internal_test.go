package server

import (
	"fmt"
	"slices"
	"testing"

	"safelight/internal/event"
	"safelight/internal/packdir"
	"safelight/internal/rules"
)

// What may be lifted is a list, and here and on devices it is the same one.
func TestG16LeaveIsGivenFromWhatTheRulesLetBeLiftedAndNothingElse(t *testing.T) {
	shipped, err := packdir.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	outline, err := rules.OutlineOf(shipped)
	if err != nil {
		t.Fatal(err)
	}
	ids := rules.Exemptable()
	for _, c := range outline.Categories {
		ids = append(ids, c.ID)
	}
	slices.Sort(ids)
	seen := 0
	for _, id := range slices.Compact(ids) {
		one, err := rules.Compile(map[string][]byte{
			"protected/pack.yaml": []byte("pack: protected\ntitle: What no rule may flag\nversion: 1\n"),
			"protected/help.yaml": []byte("protected: help\ntitle: Help\nwhy: Looking for help is no harm.\ndomains: [nhs.uk]\n"),
			"school/pack.yaml":    []byte("pack: school\ntitle: Test\nversion: 1\n"),
			"school/one.yaml":     fmt.Appendf(nil, "category: %s\ntitle: T\nnoun: t\nabout: A.\npurpose: behaviour\nrisk: ordinary\nseverity: medium\nowner: DSL\nwhy: W.\naction: {pupil: alert}\ndomains: [lift.test]\ntests:\n  hit: [\"domain: lift.test\"]\n  miss: [\"domain: other.test\"]\n", id),
		})
		if err != nil {
			if slices.Contains(rules.Exemptable(), id) {
				t.Error(err)
			}
			continue // a locked one is not a school's to write
		}
		seen++
		v := one.Judge(rules.Input{Kind: event.Domain, Text: "lift.test", Role: "pupil", Exempt: []string{id}})
		if lifted := v.Decision == rules.Exempt; lifted != slices.Contains(rules.Exemptable(), id) {
			t.Errorf("%s: lifted is %t by the rules, and %t by whoever gives leave", id, lifted, !lifted)
		}
	}
	if seen < len(rules.Exemptable())+5 {
		t.Errorf("only %d categories were tried", seen)
	}
}
