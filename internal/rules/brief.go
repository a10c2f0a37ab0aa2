package rules

import "iter"

// Brief is what can be told of a rule without reading its texts.
type Brief struct {
	Kind     RuleKind
	Category int32  // index into Policy.Categories; -1 for RuleHelp
	Scope    uint32 // index into Policy.Scopes
	Lang     string // BCP 47; of phrases and weighed words
	Reviewed bool   // false: off (G6)
}

// Briefs tells of every rule, in order, wherever the rules lie. It keeps nothing.
func (rs *Ruleset) Briefs() iter.Seq[Brief] {
	return func(yield func(Brief) bool) {
		t := &rs.table
		for i := range uint32(t.len()) {
			x := t.record(i)
			if !yield(Brief{Kind: x.kind, Category: x.category, Scope: x.scope, Lang: t.shared[x.lang], Reviewed: x.flags&flagReviewed != 0}) {
				return
			}
		}
	}
}
