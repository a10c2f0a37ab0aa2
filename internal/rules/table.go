package rules

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"safelight/internal/event"
	"safelight/internal/rules/flat"
	"safelight/internal/rules/weighed"
)

// table is the rules, the domains and the programs of a policy, read where they
// lie: a device has many thousands of them and meets a few dozen. A rule is made
// of its bytes when it is first met, and kept.
type table struct {
	texts    flat.Texts
	shared   []string // what many rules have in common
	records  []byte
	programs []byte
	byPath   []byte
	met      []atomic.Pointer[Rule]

	domains, byName, byOriginal, bySigner, byHash flat.Index

	approved []uint32 // rules of kind RuleApproved
	weighed  []uint32 // rules of kind RuleWeighed, by their sums
	leastSum int      // the least that may be enough for any of them
	hashes   bool     // some rule or list names a hash
	beyond   bool     // or anything else that neither name nor path says
}

var tableMagic = [8]byte{'s', 'a', 'f', 'e', 'r', 'u', 'l', '1'}

// The sections of a table.
const (
	textSection = iota
	sharedSection
	ruleSection
	domainSection
	programSection
	nameSection
	originalSection
	signerSection
	hashSection
	pathSection
	tableSections
)

// Sizes of what has one: a rule, a program, a text.
const (
	ruleSize    = 36
	programSize = 4 + 5*spanSize
	spanSize    = 8
)

// The bits of a rule's flags.
const (
	flagReviewed = 1 << iota
	flagSearch
	flagHost
	flagOwnID // the id is whole; else it is what follows the category's
	flagsAll  = 1<<iota - 1
)

// record is a rule without its texts.
type record struct {
	kind             RuleKind
	tier             Tier
	severity         event.Severity
	flags            uint8
	category         int32
	weight           uint32
	scope            uint32
	line             uint32
	pack, lang, file uint16
	id               flat.Span
}

func (t *table) len() int { return len(t.records) / ruleSize }

func (t *table) record(i uint32) record {
	b := t.records[ruleSize*int(i):][:ruleSize]
	return record{
		kind: RuleKind(b[0]), tier: Tier(b[1]), severity: event.Severity(b[2]), flags: b[3],
		category: int32(binary.LittleEndian.Uint32(b[4:])), weight: binary.LittleEndian.Uint32(b[8:]),
		scope: binary.LittleEndian.Uint32(b[12:]), line: binary.LittleEndian.Uint32(b[16:]),
		pack: binary.LittleEndian.Uint16(b[20:]), lang: binary.LittleEndian.Uint16(b[22:]), file: binary.LittleEndian.Uint16(b[24:]),
		id: spanAt(b[28:]),
	}
}

func spanAt(b []byte) flat.Span {
	return flat.Span{At: binary.LittleEndian.Uint32(b), Len: binary.LittleEndian.Uint32(b[4:])}
}

// rule gives rule i, which there is; always the same one, so that two can be told
// apart by their addresses. Its texts are copies: a verdict outlives a policy.
func (rs *Ruleset) rule(i uint32) *Rule {
	if r := rs.table.met[i].Load(); r != nil {
		return r
	}
	return rs.meet(i)
}

func (rs *Ruleset) meet(i uint32) *Rule {
	t := &rs.table
	x := t.record(i)
	r := &Rule{
		Kind: x.kind, Tier: x.tier, Severity: x.severity, Category: x.category, Weight: x.weight, Scope: x.scope, Line: int(x.line),
		Reviewed: x.flags&flagReviewed != 0, Search: x.flags&flagSearch != 0, Host: x.flags&flagHost != 0,
		Pack: t.shared[x.pack], Lang: t.shared[x.lang], File: t.shared[x.file], ID: t.texts.String(x.id), number: i,
	}
	if x.flags&flagOwnID == 0 {
		r.ID = rs.policy.Categories[x.category].ID + "/" + r.ID
	}
	if t.met[i].CompareAndSwap(nil, r) {
		return r
	}
	return t.met[i].Load()
}

// openTable reads a table. check, of the policy it belongs to, comes before
// anything in it is trusted.
func openTable(raw []byte) (table, error) {
	var t table
	parts, err := flat.Split(tableMagic, raw, tableSections)
	if err != nil {
		return t, err
	}
	t.texts, t.records, t.programs, t.byPath = parts[textSection], parts[ruleSection], parts[programSection], parts[pathSection]
	if len(t.records)%ruleSize != 0 || len(t.programs)%programSize != 0 || len(parts[sharedSection])%spanSize != 0 || len(t.byPath)%4 != 0 {
		return t, errors.New("a section is cut short")
	}
	for at := 0; at < len(parts[sharedSection]); at += spanSize {
		s := spanAt(parts[sharedSection][at:])
		if !t.texts.Has(s) {
			return t, fmt.Errorf("shared text %d lies outside", at/spanSize)
		}
		t.shared = append(t.shared, t.texts.String(s))
	}
	if t.domains, err = flat.OpenIndex(parts[domainSection], t.texts, t.len()); err != nil {
		return t, fmt.Errorf("domains: %w", err)
	}
	n := len(t.programs) / programSize
	for section, x := range map[int]*flat.Index{nameSection: &t.byName, originalSection: &t.byOriginal, signerSection: &t.bySigner, hashSection: &t.byHash} {
		if *x, err = flat.OpenIndex(parts[section], t.texts, n); err != nil {
			return t, fmt.Errorf("programs: %w", err)
		}
	}
	t.met = make([]atomic.Pointer[Rule], t.len())
	return t, nil
}

// check refuses a table that points outside itself or the policy it is of.
func (t *table) check(p *Policy) error {
	for i := range uint32(t.len()) {
		r := t.record(i)
		if err := t.checkRule(p, r); err != nil {
			return fmt.Errorf("rule %d %w", i, err)
		}
		switch r.kind {
		case RuleApproved:
			t.approved = append(t.approved, i)
		case RuleWeighed:
			t.weighed = append(t.weighed, i)
			if n := int(r.weight); n < t.leastSum || len(t.weighed) == 1 {
				t.leastSum = n
			}
		}
	}
	return errors.Join(t.checkDomains(), t.checkPrograms(), t.checkReferences(p))
}

func (t *table) checkRule(p *Policy, r record) error {
	switch {
	case r.kind < RulePhrase || r.kind > RuleWeighed:
		return fmt.Errorf("is of kind %d, which nobody knows", r.kind)
	case r.flags > flagsAll:
		return fmt.Errorf("has flags %d, which nobody knows", r.flags)
	case int(r.pack) >= len(t.shared) || int(r.lang) >= len(t.shared) || int(r.file) >= len(t.shared) || !t.texts.Has(r.id):
		return errors.New("has a text that is not there")
	case uint64(r.scope) >= uint64(len(p.Scopes)):
		return errors.New("has a scope that is not there")
	case r.kind == RuleHelp && r.category == -1 && r.flags&flagOwnID != 0:
		return nil
	case r.kind == RuleHelp || r.category < 0 || int(r.category) >= len(p.Categories):
		return errors.New("has a category that is not there")
	case r.severity < event.Low || r.severity > event.Urgent:
		return errors.New("has no severity")
	case r.kind == RuleWeighed && (r.weight < 1 || r.weight > weighed.Enough): // a sum of nothing would reach it
		return fmt.Errorf("wants sums of %d points", r.weight)
	}
	return nil
}

// is reports whether there is such a rule, of one of these kinds.
func (t *table) is(rule uint32, kinds ...RuleKind) bool {
	return uint64(rule) < uint64(t.len()) && slices.Contains(kinds, RuleKind(t.records[ruleSize*int(rule)]))
}

func (t *table) checkDomains() (err error) {
	t.domains.All(func(k flat.Key) bool {
		if !t.is(k.Value, RuleDomain, RuleAllowDomain) {
			err = fmt.Errorf("domain %q has no rule", clip(t.texts.String(k.Text)))
		}
		return err == nil
	})
	return err
}

func (t *table) checkPrograms() error {
	n := uint32(len(t.programs) / programSize)
	for i := range n {
		p := t.program(i)
		if !t.is(p.rule, RuleProgram, RuleApproved) {
			return fmt.Errorf("program %d has no rule", i)
		}
		for _, s := range p.texts {
			if !t.texts.Has(s) {
				return fmt.Errorf("program %d has a text that is not there", i)
			}
		}
		t.hashes = t.hashes || p.texts[fieldHash].Len > 0
		t.beyond = t.beyond || p.texts[fieldHash].Len+p.texts[fieldOriginal].Len+p.texts[fieldSigner].Len > 0
	}
	for at := 0; at < len(t.byPath); at += 4 {
		if binary.LittleEndian.Uint32(t.byPath[at:]) >= n {
			return errors.New("a path has no program")
		}
	}
	return nil
}

// checkReferences holds what the policy says of rules against the rules.
func (t *table) checkReferences(p *Policy) error {
	for _, l := range p.Lookalikes {
		if !t.is(l.Rule, RuleLookalike) {
			return fmt.Errorf("look-alikes of %q have no rule", clip(l.Name))
		}
	}
	for i, set := range p.Sets {
		for _, rule := range set {
			if !t.is(rule, RuleList) {
				return fmt.Errorf("set %d of lists has no rule", i)
			}
		}
	}
	for _, l := range p.Lists {
		if !t.is(l.Rule, RuleList) {
			return fmt.Errorf("list %q has no rule", clip(l.ID))
		}
	}
	return nil
}
