package rules

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"safelight/internal/event"
	"safelight/internal/rules/lookalike"
	"safelight/internal/rules/names"
	"safelight/internal/rules/phrases"
	"safelight/internal/rules/weighed"
)

// index is what Open makes of a policy, to look things up by.
type index struct {
	byID         map[string]int32 // category
	table        table
	phrases      *phrases.Table
	hosts        *phrases.Table // to read host names by
	weighed      *weighed.Table // nil without such words
	names        *names.Table   // nil without lists
	protected    map[string]struct{}
	looks        *lookalike.Set
	raises       [][]uint32 // by category, into Policy.Raises
	exemptable   []bool     // by category
	marks        map[string]Mark
	addressMarks map[netip.Addr]Mark
}

// Open makes a Ruleset of a policy and its tables, as Policy and Tables of a
// compiled one gave them: it judges the same. Where the policy has its Rules,
// Tables.Rules is made of them. The bytes are used where they lie
// and must stay as they are; overlays change the table of names, the last one
// counting. It parses nothing and costs what the policy is long. What is not in
// order is refused: nothing in it is trusted before.
func Open(p *Policy, t Tables, overlays ...*names.Overlay) (*Ruleset, error) {
	rs := &Ruleset{policy: p, tables: t}
	if err := rs.open(overlays); err != nil {
		return nil, fmt.Errorf("opening rules: %w", err)
	}
	return rs, nil
}

func (rs *Ruleset) open(overlays []*names.Overlay) (err error) {
	if rs.policy == nil {
		return errors.New("there is no policy")
	}
	if err := rs.policy.check(); err != nil {
		return err
	}
	if err := rs.openTable(); err != nil {
		return fmt.Errorf("its table of rules: %w", err)
	}
	if rs.phrases, err = phrases.Open(rs.tables.Phrases); err != nil {
		return err
	}
	rs.hosts = rs.phrases
	if len(rs.tables.Hosts) > 0 {
		if rs.hosts, err = phrases.Open(rs.tables.Hosts); err != nil {
			return err
		}
	}
	if len(rs.tables.Weighed) > 0 || len(rs.table.weighed) > 0 {
		if rs.weighed, err = weighed.Open(rs.tables.Weighed, len(rs.table.weighed)); err != nil {
			return err
		}
	}
	if err := rs.openNames(overlays); err != nil {
		return err
	}
	rs.indexCategories()
	rs.indexNames()
	return rs.indexMarks()
}

// openTable makes the table of a policy that has its rules as plain data, which
// counts then: one just compiled, or of rule engine 5 and before.
func (rs *Ruleset) openTable() (err error) {
	if len(rs.policy.Rules) > 0 {
		if rs.tables.Rules, err = MakeTable(rs.policy); err != nil {
			return err
		}
	}
	if rs.table, err = openTable(rs.tables.Rules); err != nil {
		return err
	}
	return rs.table.check(rs.policy)
}

func (rs *Ruleset) openNames(overlays []*names.Overlay) (err error) {
	if len(rs.tables.Names) == 0 {
		if len(overlays) > 0 {
			return errors.New("there is an overlay of names and no table")
		}
		return nil
	}
	if rs.names, err = names.Open(rs.tables.Names); err != nil {
		return err
	}
	rs.names, err = rs.names.With(overlays...)
	return err
}

func (rs *Ruleset) indexCategories() {
	p := rs.policy
	rs.byID = make(map[string]int32, len(p.Categories))
	rs.raises = make([][]uint32, len(p.Categories))
	rs.exemptable = make([]bool, len(p.Categories))
	for i, c := range p.Categories {
		rs.byID[c.ID] = int32(i)
		rs.exemptable[i] = !c.Locked && slices.Contains(exemptable, c.ID)
	}
	for i, r := range p.Raises {
		rs.raises[r.Category] = append(rs.raises[r.Category], uint32(i))
	}
}

func (rs *Ruleset) indexNames() {
	p := rs.policy
	rs.protected = make(map[string]struct{}, len(p.Protected))
	for _, name := range p.Protected {
		rs.protected[name] = struct{}{}
	}
	looks := make([]string, len(p.Lookalikes))
	for i, l := range p.Lookalikes {
		looks[i] = l.Name
	}
	rs.looks = lookalike.New(looks)
}

func (rs *Ruleset) indexMarks() error {
	p := rs.policy
	rs.marks = make(map[string]Mark, len(p.Marks))
	for _, m := range p.Marks {
		rs.marks[m.Name] |= m.Mark
	}
	rs.addressMarks = make(map[netip.Addr]Mark, len(p.Addresses))
	for _, m := range p.Addresses {
		a, err := netip.ParseAddr(m.Address)
		if err != nil {
			return fmt.Errorf("address %q is none", clip(m.Address))
		}
		rs.addressMarks[a] |= m.Mark
	}
	return nil
}

// check refuses a policy that points outside itself.
func (p *Policy) check() error {
	if p.Engine > Engine {
		return fmt.Errorf("the policy needs rule engine %d, this program has %d: update it", p.Engine, Engine)
	}
	if len(p.Scopes) == 0 {
		return errors.New("the policy has no scopes")
	}
	for i, c := range p.Categories {
		if len(c.Actions) != len(roleNames) || slices.ContainsFunc(c.Actions, func(a Action) bool { return a > ActionAlert }) {
			return fmt.Errorf("category %d has no action for each role", i)
		}
		if c.Severity < event.Low || c.Severity > event.Urgent {
			return fmt.Errorf("category %d has no severity", i)
		}
	}
	for i, r := range p.Raises {
		if r.Category < 0 || int(r.Category) >= len(p.Categories) || r.With < -1 || int(r.With) >= len(p.Categories) ||
			int(r.Scope) >= len(p.Scopes) || r.To > event.Urgent || r.Within <= 0 || r.With < 0 && r.Repeats == 0 {
			return fmt.Errorf("raise %d is not in order", i)
		}
	}
	return nil
}
