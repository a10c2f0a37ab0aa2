package policy

import (
	"fmt"
	"slices"
	"strings"

	"safelight/collector/model"
	"safelight/internal/event"
	"safelight/internal/rules"
)

// kindWords are the kinds of rule as people speak of them.
type kindWords struct {
	kind      rules.RuleKind
	what      string // in RuleChange.What
	one, many string
	// lets says that it lets something through: more of it is less noticed.
	lets bool
	// alone says that a single one is a change of what is looked at, whatever is
	// there already: thousands of names may stand behind it.
	alone bool
}

var kinds = []kindWords{
	{rules.RulePhrase, "phrases", "phrase", "phrases", false, false},
	{rules.RuleWeighed, "weighed-words", "weighed word", "weighed words", false, false},
	{rules.RuleCounterweight, "counterweights", "word that speaks against", "words that speak against", true, false},
	{rules.RuleAllowPhrase, "allow-phrases", "allow phrase", "allow phrases", true, false},
	{rules.RuleDomain, "domains", "domain", "domains", false, false},
	{rules.RuleAllowDomain, "allow-domains", "allowed domain", "allowed domains", true, false},
	{rules.RuleList, "lists", "list", "lists", false, true},
	{rules.RuleLookalike, "lookalikes", "protected name", "protected names", false, false},
	{rules.RuleProgram, "programs", "program", "programs", false, false},
	{rules.RuleApproved, "approved-programs", "approved program", "approved programs", true, false},
}

func (k kindWords) count(n int) string { return fmt.Sprintf("%d %s", n, pick(n == 1, k.one, k.many)) }

// listSize is from how many at once new phrases, domains or programs are a list
// (G7) and no longer a correction.
const listSize = 20

// ofKind gives the rules of a kind that judge, by what they are written as. What is
// written alike in several places is one: the strongest of it, for everybody whom
// one of them holds for. ID then says which they are, so that two sets of them that
// come to the same are still told apart.
func ofKind(all []rules.OutlineRule, kind rules.RuleKind) map[string]rules.OutlineRule {
	found := map[string]rules.OutlineRule{}
	for _, r := range all {
		if r.Kind != kind || !judges(r) {
			continue
		}
		key := strings.ToLower(r.Text)
		r.ID = fmt.Sprint(r.Scope.String(), r.Severity, r.Weight, r.BesideHelp, r.Search, r.Host, r.Part)
		if was, twice := found[key]; twice {
			parts := append(strings.Split(was.ID, "\x00"), r.ID)
			slices.Sort(parts)
			r.ID = strings.Join(slices.Compact(parts), "\x00")
			r.Severity, r.Weight, r.BesideHelp = max(r.Severity, was.Severity), max(r.Weight, was.Weight), min(r.BesideHelp, was.BesideHelp)
			r.Search, r.Host, r.Part = r.Search || was.Search, r.Host || was.Host, r.Part || was.Part
			r.Scope = eitherScope(was.Scope, r.Scope)
		}
		found[key] = r
	}
	return found
}

// eitherScope holds for all whom one of two holds for, and perhaps for more.
func eitherScope(a, b rules.Scope) rules.Scope {
	either := func(a, b []string) []string {
		if len(a) == 0 || len(b) == 0 {
			return nil
		}
		all := append(slices.Clone(a), b...)
		slices.Sort(all)
		return slices.Compact(all)
	}
	s := rules.Scope{
		Roles: either(a.Roles, b.Roles), Years: either(a.Years, b.Years), Groups: either(a.Groups, b.Groups),
		Sites: either(a.Sites, b.Sites), When: either(a.When, b.When),
	}
	if a.Premises == b.Premises {
		s.Premises = a.Premises
	}
	return s
}

// judges says whether a rule is on: a language that nobody reviewed is not (G6).
func judges(r rules.OutlineRule) bool { return r.Reviewed || !isWords(r.Kind) }

// isWords says whether rules of a kind are words, which have a language.
func isWords(k rules.RuleKind) bool {
	return k == rules.RulePhrase || k == rules.RuleWeighed || k == rules.RuleCounterweight
}

// kind compares the rules of one kind.
func (r *reviewer) kind(k kindWords, was, is rules.OutlineCategory) {
	before, after := ofKind(was.Rules, k.kind), ofKind(is.Rules, k.kind)
	var added, removed []string
	var changed [][2]rules.OutlineRule
	for key, rule := range after {
		if old, ok := before[key]; ok {
			changed = append(changed, [2]rules.OutlineRule{old, rule})
		} else {
			added = append(added, rule.Text)
		}
	}
	for key, rule := range before {
		if _, ok := after[key]; !ok {
			removed = append(removed, rule.Text)
		}
	}
	heavy := grave(was, is)
	if len(added) > 0 {
		r.put(is, r.added(k, is, added, len(before) == 0, heavy))
	}
	if len(removed) > 0 {
		r.put(is, r.removed(k, is, removed, len(after) == 0, heavy))
	}
	slices.SortFunc(changed, func(a, b [2]rules.OutlineRule) int { return strings.Compare(a[1].Text, b[1].Text) })
	r.severities(k, was, is, changed)
	r.attributes(k, was, is, changed)
}

func (r *reviewer) added(k kindWords, is rules.OutlineCategory, added []string, first, heavy bool) model.RuleChange {
	slices.Sort(added)
	c := model.RuleChange{What: k.what + "-added", Items: added, Text: fmt.Sprintf("adds %s to %s", k.count(len(added)), is.Title)}
	switch {
	case k.kind == rules.RuleApproved && first: // the list itself
		c.Widens, c.Text = true, fmt.Sprintf("begins to note programs of %s that are not among %s", is.Title, k.count(len(added)))
	case k.lets: // an allow hides what is urgent wherever it stands
		c.Lowers = heavy || is.Severity >= event.High
	case first:
		c.Widens, c.Text = true, c.Text+", which had none"
	case k.alone:
		c.Widens = true
	case len(added) >= listSize:
		c.Widens, c.Text = true, c.Text+": so many are a list"
	}
	return c
}

func (r *reviewer) removed(k kindWords, is rules.OutlineCategory, removed []string, last, heavy bool) model.RuleChange {
	slices.Sort(removed)
	c := model.RuleChange{What: k.what + "-removed", Items: removed, Text: fmt.Sprintf("drops %s of %s", k.count(len(removed)), is.Title), Lowers: heavy && !k.lets}
	if k.kind == rules.RuleApproved && last {
		c.Text, c.Lowers = "no longer notes programs of "+is.Title+" that are not approved", heavy
	}
	return c
}

// severities compares how grave the same rules are. What only follows its
// category was said with it.
func (r *reviewer) severities(k kindWords, was, is rules.OutlineCategory, changed [][2]rules.OutlineRule) {
	type step struct{ from, to event.Severity }
	steps := map[step][]string{}
	var order []step
	for _, c := range changed {
		follows := c[0].Severity == was.Severity && c[1].Severity == is.Severity
		if c[0].Severity == c[1].Severity || follows || k.lets {
			continue
		}
		s := step{c[0].Severity, c[1].Severity}
		if steps[s] == nil {
			order = append(order, s)
		}
		steps[s] = append(steps[s], c[1].Text)
	}
	for _, s := range order {
		lower := s.to < s.from
		r.put(is, model.RuleChange{
			What: k.what + pick(lower, "-lowered", "-raised"), Items: steps[s], Lowers: lower && grave(was, is),
			Text: fmt.Sprintf("%s %s of %s from %s to %s", pick(lower, "lowers", "raises"), k.count(len(steps[s])), is.Title, s.from, s.to),
		})
	}
}

// marks compares what is known of names beside any category. Noise quiets what
// names it, in every category that is not grave, and hides sites behind parts of
// pages: more of it is less noticed.
func (r *reviewer) marks(from, to *rules.Outline) {
	before, after := marksOf(from), marksOf(to)
	for _, mark := range sortedNames(merged(before, after)) {
		added, removed := missingIn(after[mark], before[mark]), missingIn(before[mark], after[mark])
		noise := mark == rules.MarkNoise.String() || mark == rules.MarkBlockPage.String()
		flags := r.flagsMarked(mark)
		if len(added) > 0 {
			r.changes = append(r.changes, model.RuleChange{
				What: "marks-added", Items: added, Lowers: noise && len(r.from) > 0, Widens: flags && len(added) >= listSize,
				Text: fmt.Sprintf("marks %d more %s as %s", len(added), pick(len(added) == 1, "name", "names"), mark),
			})
		}
		if len(removed) > 0 {
			r.changes = append(r.changes, model.RuleChange{
				What: "marks-removed", Items: removed, Lowers: !noise,
				Text: fmt.Sprintf("no longer marks %d %s as %s", len(removed), pick(len(removed) == 1, "name", "names"), mark),
			})
		}
	}
}

// spellings compares how words are read that people write in other ways. Allow
// phrases are read in them too, so that one more of them may hide what stood.
func (r *reviewer) spellings(from, to *rules.Outline) {
	written := func(o *rules.Outline) []string {
		all := make([]string, 0, len(o.Spellings))
		for _, s := range o.Spellings {
			all = append(all, fmt.Sprintf("%s (%s)", s.Typed, s.Meant))
		}
		return all
	}
	before, after := written(from), written(to)
	if added := missingIn(after, before); len(added) > 0 {
		r.changes = append(r.changes, model.RuleChange{
			What: "spellings-added", Items: added, Lowers: len(r.from) > 0, Widens: len(added) >= listSize,
			Text: fmt.Sprintf("reads %d more %s of words", len(added), pick(len(added) == 1, "spelling", "spellings")),
		})
	}
	if removed := missingIn(before, after); len(removed) > 0 {
		r.changes = append(r.changes, model.RuleChange{
			What: "spellings-removed", Items: removed, Lowers: true,
			Text: fmt.Sprintf("no longer reads %d %s of words", len(removed), pick(len(removed) == 1, "spelling", "spellings")),
		})
	}
}

// flagsMarked says whether a category flags names for having a mark.
func (r *reviewer) flagsMarked(mark string) bool {
	for _, c := range r.to {
		if slices.ContainsFunc(c.Rules, func(o rules.OutlineRule) bool { return o.Kind == rules.RuleList && o.ID == mark }) {
			return true
		}
	}
	return false
}

func marksOf(o *rules.Outline) map[string][]string {
	all := map[string][]string{}
	for _, m := range o.Marks {
		all[m.Mark] = append(all[m.Mark], m.Name)
	}
	return all
}

func merged(a, b map[string][]string) map[string][]byte {
	all := map[string][]byte{}
	for name := range a {
		all[name] = nil
	}
	for name := range b {
		all[name] = nil
	}
	return all
}

// missingIn lists what of all is not in others. Both are sorted.
func missingIn(all, others []string) []string {
	var missing []string
	for _, name := range all {
		if _, there := slices.BinarySearch(others, name); !there {
			missing = append(missing, name)
		}
	}
	return missing
}

// packs says which packs came, went and changed their version.
func (r *reviewer) packs(from, to *rules.Outline) {
	versions := func(o *rules.Outline) map[string]int {
		all := map[string]int{}
		for _, p := range o.Packs {
			all[p.Name] = p.Version
		}
		return all
	}
	before, after := versions(from), versions(to)
	for _, p := range to.Packs {
		was, there := before[p.Name]
		switch {
		case !there:
			r.changes = append(r.changes, model.RuleChange{What: "pack-added", Text: fmt.Sprintf("adds the pack %s, version %d", p.Name, p.Version)})
		case was != p.Version:
			r.changes = append(r.changes, model.RuleChange{What: "pack-version", Text: fmt.Sprintf("takes version %d of the pack %s, after version %d", p.Version, p.Name, was)})
		}
	}
	for _, p := range from.Packs {
		if _, there := after[p.Name]; !there {
			r.changes = append(r.changes, model.RuleChange{What: "pack-removed", Text: "takes out the pack " + p.Name})
		}
	}
}
