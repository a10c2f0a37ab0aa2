package rules

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"safelight/internal/event"
)

// ListProblem is a name on a list that would flag what must not be.
type ListProblem struct {
	List string // id
	Name string // as the list has it
	Line string // what it would flag, and where that stands
}

// String says both on one line.
func (p ListProblem) String() string {
	return fmt.Sprintf("%s on list %s would flag %s", p.Name, p.List, p.Line)
}

// ListHosts are the hosts that a list is tried against before it is judged by:
// the sites among the packs' lines that must be missed, protected sites (G5) and
// helplines (G1). Whoever keeps a list says which of them, or of the names above
// them, it holds, and compiles these names alone: CheckLists does not need the
// millions of others. A Ruleset that Open made has none.
func (rs *Ruleset) ListHosts() []string {
	if rs.source == nil {
		return nil
	}
	hosts := map[string]bool{}
	add := func(line testLine) {
		if name, err := cleanHost(line.text); err == nil && line.kind == event.Domain {
			hosts[name] = true
		}
	}
	for _, c := range rs.source.tests {
		for _, line := range c.tests.miss {
			add(line)
		}
	}
	for _, line := range rs.source.miss {
		add(line)
	}
	for name := range rs.source.sites {
		hosts[name] = true
	}
	for name := range helplines {
		hosts[name] = true
	}
	return slices.Sorted(maps.Keys(hosts))
}

// CheckLists tries the lists that the rules were compiled with against what must
// not be flagged; see ListHosts. Each name of a list is told of once, the lists in
// order. What the rules themselves flag is for Check to say.
func (rs *Ruleset) CheckLists() []ListProblem {
	if rs.source == nil {
		return nil
	}
	c := listCheck{rs: rs, told: map[[2]string]bool{}}
	for _, t := range rs.source.tests {
		for _, line := range t.tests.miss {
			if f, _, ok := rs.finds(t.cat, line); ok && line.kind == event.Domain {
				c.found(f, line.text, fmt.Sprintf("%q, which %q has to miss (%s)", line.text, rs.policy.Categories[t.cat].ID, line.pos))
			}
		}
	}
	for _, line := range rs.source.miss {
		_, found, _ := rs.try(line.input(), everyRule, true)
		for _, f := range found {
			c.found(f, line.text, fmt.Sprintf("the protected line %q (%s)", line.text, line.pos))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rs.source.sites)) {
		for _, f := range rs.onHost(name) {
			c.found(f, name, fmt.Sprintf("the protected site %q (%s)", name, rs.source.sites[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(helplines)) {
		for _, f := range rs.onHost(name) {
			c.found(f, name, fmt.Sprintf("the helpline %q", name))
		}
	}
	slices.SortStableFunc(c.all, func(a, b ListProblem) int {
		return cmp.Or(cmp.Compare(a.List, b.List), cmp.Compare(a.Name, b.Name))
	})
	return c.all
}

type listCheck struct {
	rs   *Ruleset
	told map[[2]string]bool
	all  []ListProblem
}

// found notes a finding in text, if it is a list's.
func (c *listCheck) found(f finding, text, line string) {
	if f.rule.Kind != RuleList {
		return
	}
	p := ListProblem{List: listOf(f.rule.ID), Name: text[min(f.start, len(text)):], Line: line}
	if key := [2]string{p.List, p.Name}; !c.told[key] {
		c.told[key] = true
		c.all = append(c.all, p)
	}
}
