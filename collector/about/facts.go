package about

import (
	"iter"
	"slices"
	"strings"
	"time"

	"safelight/internal/rules"
)

// Facts are what the page is made of.
type Facts struct {
	School string
	Trial  bool
	// Kept is how long what is received is kept; nought: nobody has decided.
	Kept time.Duration
	Own  Own
	// Address is where people reach the page: "https://safelight.school.example:8444".
	Address string
	// DSLs and Deputies are how many people with that duty may sign in.
	DSLs, Deputies int
	// Searches says that some device reports search words (G2).
	Searches bool
	Rules    *Rules // nil: none are published
	// AsOf is when rules and settings were last changed: "22 November 2026".
	AsOf string
}

// Rules is what of the rules in force everybody is told.
type Rules struct {
	Told  []Looked // pupils' categories of which an adult is told
	Noted []Looked // those that stay on the device
	Staff []Looked // what adults at work are looked at for
	// Off are the languages whose words are switched off because no speaker has
	// reviewed them (G6), as BCP 47 tags, sorted.
	Off []string
	// AtHome says that pupils' devices are judged off the premises too.
	AtHome bool
}

// Looked is a category in force.
type Looked struct{ ID, Title, About string }

// FromRules reads what is in force; nil: nothing is.
func FromRules(set *rules.Ruleset) *Rules {
	if set == nil {
		return nil
	}
	policy := set.Policy()
	r := &Rules{}
	roles := rules.Roles()
	pupil, staff := slices.Index(roles, "pupil"), slices.Index(roles, "staff")
	judged := judgedBy(policy, set.Briefs())
	for i, c := range policy.Categories {
		looked := Looked{c.ID, c.Title, strings.Join(strings.Fields(c.About), " ")}
		if !judged[int32(i)].any {
			continue // it has no rule: it finds nothing
		}
		switch c.Actions[pupil] {
		case rules.ActionAlert:
			r.Told = append(r.Told, looked)
		case rules.ActionNote:
			r.Noted = append(r.Noted, looked)
		case rules.ActionNone:
		}
		if c.Actions[pupil] != rules.ActionNone && judged[int32(i)].away {
			r.AtHome = true
		}
		if c.Actions[staff] == rules.ActionAlert {
			r.Staff = append(r.Staff, looked)
		}
	}
	r.Off = unreviewed(set.Briefs())
	for _, all := range [][]Looked{r.Told, r.Noted, r.Staff} {
		slices.SortFunc(all, func(a, b Looked) int { return strings.Compare(strings.ToLower(plain(a)), strings.ToLower(plain(b))) })
	}
	return r
}

// judged says of a category whether it has rules that find anything, and whether
// one of them does so off the premises.
type judged struct{ any, away bool }

func judgedBy(p *rules.Policy, each iter.Seq[rules.Brief]) map[int32]judged {
	all := map[int32]judged{}
	for r := range each {
		switch r.Kind {
		case rules.RuleHelp, rules.RuleAllowPhrase, rules.RuleAllowDomain:
			continue
		}
		if (r.Kind == rules.RulePhrase || r.Kind == rules.RuleWeighed) && !r.Reviewed {
			continue
		}
		j := all[r.Category]
		j.any = true
		j.away = j.away || p.Scopes[r.Scope].Premises != "on"
		all[r.Category] = j
	}
	return all
}

// unreviewed lists the languages that have words and none that is reviewed.
func unreviewed(each iter.Seq[rules.Brief]) []string {
	reviewed := map[string]bool{}
	for r := range each {
		if (r.Kind == rules.RulePhrase || r.Kind == rules.RuleWeighed) && r.Lang != "" {
			reviewed[r.Lang] = reviewed[r.Lang] || r.Reviewed
		}
	}
	var off []string
	for lang, on := range reviewed {
		if !on {
			off = append(off, lang)
		}
	}
	slices.Sort(off)
	return off
}
