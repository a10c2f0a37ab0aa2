package bundle

import (
	"errors"
	"fmt"
	"math"
	"time"

	"safelight/internal/event"
	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

// The bits of a rule's flags.
const (
	flagReviewed = 1 << iota
	flagSearch
	flagHost
	flagsAll = 1<<iota - 1
)

// decodePolicy reads what encodePolicy wrote, or did up to rule engine 5, when the
// rules, the domains and the programs were in the same message: a device judges by
// such a policy until it has a newer. That an index is one of something
// is rules.Open's to check, which knows of what.
func decodePolicy(msg *safelightv1.CompiledRules) (*rules.Policy, error) {
	p := &rules.Policy{Engine: msg.GetEngine()}
	for _, pack := range msg.GetPacks() {
		p.Packs = append(p.Packs, rules.Pack{Name: pack.GetName(), Version: int(pack.GetVersion())})
	}
	for _, s := range msg.GetScopes() {
		p.Scopes = append(p.Scopes, rules.Scope{
			Roles: s.GetRoles(), Years: s.GetYears(), Groups: s.GetGroups(), Sites: s.GetSites(), When: s.GetWhen(), Premises: s.GetPremises(),
		})
	}
	for _, m := range msg.GetPrograms() {
		p.Programs = append(p.Programs, rules.PolicyProgram{
			Rule: m.GetRule(), Name: m.GetName(), OriginalName: m.GetOriginalName(), Path: m.GetPath(), Signer: m.GetSigner(), SHA256: m.GetSha256(),
		})
	}
	for _, read := range []func(*rules.Policy, *safelightv1.CompiledRules) error{readCategories, readRules, readNames, readSets, readLists, readRaises} {
		if err := read(p, msg); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func readCategories(p *rules.Policy, msg *safelightv1.CompiledRules) error {
	for _, c := range msg.GetCategories() {
		severity, err := severityOf(c.GetSeverity())
		if err != nil {
			return fmt.Errorf("category %q: %w", c.GetId(), err)
		}
		out := rules.PolicyCategory{Threshold: c.GetThreshold(), Category: rules.Category{
			ID: c.GetId(), Title: c.GetTitle(), Noun: c.GetNoun(), About: c.GetAbout(), Why: c.GetWhy(), Owner: c.GetOwner(),
			Purpose: c.GetPurpose(), Risk: c.GetRisk(), Severity: severity, Locked: c.GetLocked(), Pack: c.GetPack(),
			FirstSteps: c.GetFirstSteps(), Helplines: c.GetHelplines(),
		}}
		for _, a := range c.GetActions() {
			out.Actions = append(out.Actions, rules.Action(a))
		}
		p.Categories = append(p.Categories, out)
	}
	return nil
}

func severityOf(v uint32) (event.Severity, error) {
	if v > uint32(event.Urgent) {
		return 0, fmt.Errorf("severity %d is none", v)
	}
	return event.Severity(v), nil
}

// indexOf reads an index that is one more, so that nought is none.
func indexOf(v uint32) (int32, error) {
	if v > math.MaxInt32 {
		return 0, fmt.Errorf("index %d is none", v)
	}
	return int32(v) - 1, nil
}

func readRules(p *rules.Policy, msg *safelightv1.CompiledRules) error {
	c := msg.GetRules()
	n := len(c.GetKind())
	err := sameLength("rules", n, len(c.GetCategory()), len(c.GetPack()), len(c.GetTier()), len(c.GetSeverity()), len(c.GetWeight()),
		len(c.GetLang()), len(c.GetFlags()), len(c.GetScope()), len(c.GetFile()), len(c.GetLine()))
	if err != nil {
		return err
	}
	if n > 0 {
		p.Rules = make([]rules.Rule, n)
	}
	for i := range p.Rules {
		r := &p.Rules[i]
		r.Kind, r.Tier, r.Weight, r.Scope, r.Line = rules.RuleKind(c.Kind[i]), rules.Tier(c.Tier[i]), c.Weight[i], c.Scope[i], int(c.Line[i])
		flags := c.Flags[i]
		r.Reviewed, r.Search, r.Host = flags&flagReviewed != 0, flags&flagSearch != 0, flags&flagHost != 0
		if r.Category, err = indexOf(c.Category[i]); err != nil || flags > flagsAll {
			return fmt.Errorf("rule %d: category %d, flags %d", i, c.Category[i], flags)
		}
		if r.Severity, err = severityOf(uint32(c.Severity[i])); err != nil {
			return fmt.Errorf("rule %d: %w", i, err)
		}
	}
	return errors.Join(
		split("rules", c.GetId(), n, func(i int, text string) { p.Rules[i].ID = text }),
		shared("packs of rules", msg.GetShared(), c.GetPack(), func(i int, text string) { p.Rules[i].Pack = text }),
		shared("languages of rules", msg.GetShared(), c.GetLang(), func(i int, text string) { p.Rules[i].Lang = text }),
		shared("files of rules", msg.GetShared(), c.GetFile(), func(i int, text string) { p.Rules[i].File = text }),
	)
}

func readNames(p *rules.Policy, msg *safelightv1.CompiledRules) error {
	err := errors.Join(
		named("domains", msg.GetDomains(), func(name string, n uint32) { p.Domains = append(p.Domains, rules.NamedRule{Name: name, Rule: n}) }),
		named("look-alikes", msg.GetLookalikes(), func(name string, n uint32) {
			p.Lookalikes = append(p.Lookalikes, rules.NamedRule{Name: name, Rule: n})
		}),
		marked("marks", msg.GetMarks(), func(name string, m rules.Mark) { p.Marks = append(p.Marks, rules.MarkedName{Name: name, Mark: m}) }),
		marked("addresses", msg.GetAddresses(), func(name string, m rules.Mark) {
			p.Addresses = append(p.Addresses, rules.MarkedAddress{Address: name, Mark: m})
		}),
	)
	return errors.Join(err, lines("protected sites", msg.GetProtected(), func(s string) { p.Protected = append(p.Protected, s) }))
}

func named(what string, c *safelightv1.CompiledNames, item func(name string, n uint32)) error {
	return split(what, c.GetName(), len(c.GetNumber()), func(i int, text string) { item(text, c.Number[i]) })
}

func marked(what string, c *safelightv1.CompiledNames, item func(name string, m rules.Mark)) error {
	for _, n := range c.GetNumber() {
		if uint32(rules.Mark(n)) != n {
			return fmt.Errorf("%s: mark %d is none", what, n)
		}
	}
	return named(what, c, func(name string, n uint32) { item(name, rules.Mark(n)) })
}

// lines reads a column whose length nothing else says.
func lines(what, column string, item func(string)) error {
	n := 0
	for i := range len(column) {
		if column[i] == '\n' {
			n++
		}
	}
	return split(what, column, n, func(_ int, text string) { item(text) })
}

func readSets(p *rules.Policy, msg *safelightv1.CompiledRules) error {
	all := msg.GetSets().GetRule()
	for _, n := range msg.GetSets().GetSize() {
		if uint64(n) > uint64(len(all)) {
			return fmt.Errorf("sets: one of %d rules, %d are left", n, len(all))
		}
		p.Sets = append(p.Sets, all[:n:n])
		all = all[n:]
	}
	if len(all) > 0 {
		return fmt.Errorf("sets: %d rules are in none", len(all))
	}
	return nil
}

func readLists(p *rules.Policy, msg *safelightv1.CompiledRules) error {
	for _, l := range msg.GetLists() {
		severity, err := severityOf(l.GetSeverity())
		if err != nil {
			return fmt.Errorf("list %q: %w", l.GetId(), err)
		}
		p.Lists = append(p.Lists, rules.ListSource{
			ID: l.GetId(), Rule: l.GetRule(), Category: l.GetCategory(), Severity: severity, Pack: l.GetPack(), URL: l.GetUrl(), File: l.GetFile(),
			Format: l.GetFormat(), Member: l.GetMember(), Licence: l.GetLicence(), From: l.GetFrom(),
			MaxShrink: l.GetMaxShrink(), MaxGrow: l.GetMaxGrow(), Refresh: time.Duration(l.GetRefreshNs()), At: l.GetAt(),
		})
	}
	return nil
}

func readRaises(p *rules.Policy, msg *safelightv1.CompiledRules) error {
	for i, r := range msg.GetRaises() {
		severity, err := severityOf(r.GetTo())
		with, err2 := indexOf(r.GetWith())
		if err := errors.Join(err, err2); err != nil || r.GetCategory() > math.MaxInt32 {
			return fmt.Errorf("raise %d of category %d: %w", i, r.GetCategory(), err)
		}
		p.Raises = append(p.Raises, rules.Raise{
			Category: int32(r.GetCategory()), Repeats: r.GetRepeats(), With: with, Within: time.Duration(r.GetWithinNs()),
			To: severity, Scope: r.GetScope(), File: r.GetFile(), Line: int(r.GetLine()),
		})
	}
	return nil
}
