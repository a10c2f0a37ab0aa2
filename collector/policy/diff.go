package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"safelight/collector/model"
	"safelight/internal/rules"
)

// Review says in plain words in what two sets of rules differ, and what of it
// lowers the guard in a high-risk or life-risk category or looks at more than
// before (G7). from is nil where nothing was in force. It is pure: the same two
// sets give the same review.
//
// Where it cannot tell less from more it says both: a change that is not
// understood takes two people.
func Review(from, to *rules.Outline) model.RuleReview {
	if from == nil {
		from = &rules.Outline{}
	}
	r := reviewer{from: byID(from), to: byID(to)}
	for _, c := range to.Categories {
		if was, ok := r.from[c.ID]; ok {
			r.category(was, c)
		} else {
			r.newCategory(c)
		}
	}
	for _, c := range from.Categories {
		if _, stays := r.to[c.ID]; !stays {
			r.put(c, model.RuleChange{What: "category-removed", Text: "drops the category " + c.Title + " altogether", Lowers: grave(c)})
		}
	}
	r.spellings(from, to)
	r.marks(from, to)
	r.packs(from, to)
	return r.done()
}

type reviewer struct {
	from, to map[string]rules.OutlineCategory
	changes  []model.RuleChange
}

func byID(o *rules.Outline) map[string]rules.OutlineCategory {
	all := map[string]rules.OutlineCategory{}
	for _, c := range o.Categories {
		all[c.ID] = c
	}
	return all
}

// grave says whether missing what a category looks for may cost somebody dearly.
func grave(cs ...rules.OutlineCategory) bool {
	return slices.ContainsFunc(cs, func(c rules.OutlineCategory) bool {
		return c.Risk != rules.RiskOrdinary || c.Locked
	})
}

func (r *reviewer) put(c rules.OutlineCategory, change model.RuleChange) {
	change.Category, change.Title = c.ID, c.Title
	r.changes = append(r.changes, change)
}

// done puts what takes two people first, and else leaves the order of categories.
func (r *reviewer) done() model.RuleReview {
	slices.SortStableFunc(r.changes, byWeight)
	review := model.RuleReview{Changes: r.changes}
	if review.Changes == nil {
		review.Changes = []model.RuleChange{}
	}
	for _, c := range r.changes {
		review.Lowering = review.Lowering || c.Lowers
		review.Widening = review.Widening || c.Widens
	}
	return review
}

// byWeight puts what lowers before what widens, and both before the rest.
func byWeight(a, b model.RuleChange) int {
	weight := func(c model.RuleChange) int {
		switch {
		case c.Lowers:
			return 0
		case c.Widens:
			return 1
		}
		return 2
	}
	return cmp.Compare(weight(a), weight(b))
}

func (r *reviewer) newCategory(c rules.OutlineCategory) {
	var has []string
	for _, kind := range kinds {
		if n := len(ofKind(c.Rules, kind.kind)); n > 0 {
			has = append(has, kind.count(n))
		}
	}
	r.put(c, model.RuleChange{
		What: "category-added", Widens: true,
		Text: fmt.Sprintf("adds the category %s (%s, %s): %s; looks at %s", c.Title, c.Purpose, c.Severity, cmp.Or(words(has), "nothing yet"), cmp.Or(words(lookedAt(c)), "nobody")),
	})
}

// category compares two editions of one category.
func (r *reviewer) category(was, is rules.OutlineCategory) {
	r.head(was, is)
	r.actions(was, is)
	r.threshold(was, is)
	for _, kind := range kinds {
		r.kind(kind, was, is)
	}
	r.outdone(was, is)
	r.languages(was, is)
	r.raises(was, is)
	r.wording(was, is)
}

// head compares what decides how grave the category is.
func (r *reviewer) head(was, is rules.OutlineCategory) {
	heavy := grave(was, is)
	if is.Severity != was.Severity {
		lower := is.Severity < was.Severity
		r.put(is, model.RuleChange{
			What: pick(lower, "severity-lowered", "severity-raised"), Lowers: lower && heavy,
			Text: fmt.Sprintf("%s %s from %s to %s", pick(lower, "lowers", "raises"), is.Title, was.Severity, is.Severity),
		})
	}
	if is.Risk != was.Risk {
		lower := risks[is.Risk] < risks[was.Risk]
		r.put(is, model.RuleChange{
			What: pick(lower, "risk-lowered", "risk-raised"), Lowers: lower,
			Text: fmt.Sprintf("calls the risk of %s %s, no longer %s", is.Title, is.Risk, was.Risk),
		})
	}
	if is.Purpose != was.Purpose {
		r.put(is, model.RuleChange{
			What: "purpose", Lowers: heavy && was.Purpose == rules.Safeguarding, Widens: is.Purpose == rules.Safeguarding,
			Text: fmt.Sprintf("looks for %s for %s, no longer for %s: other people are told", is.Title, is.Purpose, was.Purpose),
		})
	}
	if is.Locked != was.Locked {
		r.put(is, model.RuleChange{
			What: pick(is.Locked, "locked", "unlocked"), Lowers: was.Locked,
			Text: pick(is.Locked, "locks ", "unlocks ") + is.Title + pick(is.Locked, ": nobody can switch it off", ": it can be allowed, exempted and switched off"),
		})
	}
}

var risks = map[string]int{rules.RiskOrdinary: 0, rules.RiskHigh: 1, rules.RiskLife: 2}

// move is how a category's action for a role changed.
type move struct {
	what, text     string
	lowers, widens bool
}

func moveOf(was, is rules.Action) move {
	switch {
	case is == rules.ActionNone:
		return move{"roles-removed", "no longer looks at %s for %s", true, false}
	case was == rules.ActionNone:
		return move{"roles-added", "looks at %s for %s", false, true}
	case is < was:
		return move{"kept-on-device", "keeps on the device what it notices of %s for %s: nobody is told", true, false}
	}
	return move{"told", "tells somebody what it notices of %s for %s, which stayed on the device before", false, true}
}

// actions compares at whom the category looks, and what comes of it.
func (r *reviewer) actions(was, is rules.OutlineCategory) {
	names := rules.Roles()
	moved := map[move][]string{}
	var order []move
	for i, role := range names {
		if i >= len(was.Actions) || i >= len(is.Actions) || was.Actions[i] == is.Actions[i] {
			continue
		}
		m := moveOf(was.Actions[i], is.Actions[i])
		if moved[m] == nil {
			order = append(order, m)
		}
		moved[m] = append(moved[m], role)
	}
	for _, m := range order {
		r.put(is, model.RuleChange{
			What: m.what, Items: moved[m], Lowers: m.lowers && grave(was, is), Widens: m.widens,
			Text: fmt.Sprintf(m.text, words(people(moved[m])), is.Title),
		})
	}
}

// wording compares what people read, which changes nothing of what is noticed.
func (r *reviewer) wording(was, is rules.OutlineCategory) {
	var changed []string
	for _, w := range []struct {
		name    string
		differs bool
	}{
		{"title", was.Title != is.Title},
		{"noun", was.Noun != is.Noun},
		{"about", was.About != is.About},
		{"why", was.Why != is.Why},
		{"owner", was.Owner != is.Owner},
		{"first steps", !slices.Equal(was.FirstSteps, is.FirstSteps)},
		{"helplines", !slices.Equal(was.Helplines, is.Helplines)},
		{"tests", !slices.Equal(was.Hits, is.Hits) || !slices.Equal(was.Misses, is.Misses)},
	} {
		if w.differs {
			changed = append(changed, w.name)
		}
	}
	if len(changed) > 0 {
		r.put(is, model.RuleChange{What: "wording", Items: changed, Text: fmt.Sprintf("changes the %s of %s", words(changed), is.Title)})
	}
}

func pick(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

// words joins a list as people do: "a, b and c".
func words(list []string) string {
	if n := len(list); n > 1 {
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	}
	return strings.Join(list, "")
}

var plurals = map[string]string{
	"pupil": "pupils", "adult-learner": "adult learners", "staff": "staff", "contractor": "contractors",
	"volunteer": "volunteers", "governor": "governors", "visitor": "visitors", "head": "the head",
}

func people(roles []string) []string {
	all := make([]string, 0, len(roles))
	for _, role := range roles {
		all = append(all, cmp.Or(plurals[role], role))
	}
	return all
}

func lookedAt(c rules.OutlineCategory) []string {
	var roles []string
	for i, role := range rules.Roles() {
		if i < len(c.Actions) && c.Actions[i] != rules.ActionNone {
			roles = append(roles, role)
		}
	}
	return people(roles)
}
