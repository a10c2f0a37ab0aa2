package policy

import (
	"fmt"
	"strings"

	"safelight/collector/model"
	"safelight/internal/rules"
)

// outdone compares what is added to a category with the graver rules that are
// there: of two rules on a site the school's is told, then the one on the longer
// name, whatever its severity. So a milder one lowers what stands beneath it,
// though nothing was taken away. In a locked category nothing is outdone.
func (r *reviewer) outdone(was, is rules.OutlineCategory) {
	if is.Locked && was.Locked {
		return
	}
	s := sitesOf(was, is)
	var items []string
	for _, a := range s.added {
		if by, ok := s.graver(a); ok {
			items = append(items, fmt.Sprintf("%s (%s, where %s is %s)", a.Text, a.Severity, by.Text, by.Severity))
		}
	}
	if len(items) > 0 {
		r.put(is, model.RuleChange{
			What: "domains-milder", Items: items, Lowers: grave(was, is),
			Text: fmt.Sprintf("tells of some sites of %s less gravely than now, by %d new %s that %s above graver ones",
				is.Title, len(items), pick(len(items) == 1, "rule", "rules"), pick(len(items) == 1, "stands", "stand")),
		})
	}
}

// sites are a category's rules on sites: those that were added, and all.
type sites struct {
	added  []rules.OutlineRule
	byName map[string][]rules.OutlineRule // domains
	behind map[string]rules.OutlineRule   // of those beneath a name, the gravest pack's
	lists  []rules.OutlineRule            // whose names are not known here
}

func sitesOf(was, is rules.OutlineCategory) sites {
	s := sites{byName: map[string][]rules.OutlineRule{}, behind: map[string]rules.OutlineRule{}}
	before := map[string]bool{}
	for _, o := range was.Rules {
		before[fmt.Sprint(o.Kind, strings.ToLower(o.Text))] = true
	}
	for _, o := range is.Rules {
		switch o.Kind {
		case rules.RuleDomain:
			s.domain(o)
		case rules.RuleList, rules.RuleLookalike:
			s.lists = append(s.lists, o)
		default:
			continue
		}
		if o.Kind != rules.RuleLookalike && !before[fmt.Sprint(o.Kind, strings.ToLower(o.Text))] {
			s.added = append(s.added, o)
		}
	}
	return s
}

func (s *sites) domain(o rules.OutlineRule) {
	s.byName[o.Text] = append(s.byName[o.Text], o)
	if o.Tier >= rules.TierSchool {
		return
	}
	for _, above, ok := strings.Cut(o.Text, "."); ok; _, above, ok = strings.Cut(above, ".") {
		if b, has := s.behind[above]; !has || b.Severity < o.Severity {
			s.behind[above] = o
		}
	}
}

// graver finds a rule that is graver than an added one and gives way to it.
func (s *sites) graver(a rules.OutlineRule) (rules.OutlineRule, bool) {
	found, severity := rules.OutlineRule{}, a.Severity
	see := func(o rules.OutlineRule) {
		if o.Severity > severity && o.Tier <= a.Tier {
			found, severity = o, o.Severity
		}
	}
	for _, o := range s.lists {
		see(o)
	}
	if a.Kind == rules.RuleList { // it may hold names above and beneath any
		for _, all := range s.byName {
			for _, o := range all {
				see(o)
			}
		}
		return found, severity > a.Severity
	}
	for _, above, ok := strings.Cut(a.Text, "."); ok; _, above, ok = strings.Cut(above, ".") {
		for _, o := range s.byName[above] {
			see(o)
		}
	}
	if b, has := s.behind[a.Text]; has && a.Tier > b.Tier {
		see(b)
	}
	return found, severity > a.Severity
}
