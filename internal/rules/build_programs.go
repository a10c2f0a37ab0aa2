package rules

import (
	"cmp"
	"fmt"

	"safelight/internal/rules/lookalike"
)

func (c *compiler) addPrograms(src from, f *categoryFile) {
	for _, p := range f.progs {
		p.is.Rule = c.rule(src, p.pos, p.severity, Rule{Kind: RuleProgram, ID: c.id(src, "program/"+programLabel(p.is)), Reviewed: true})
		c.policy.Programs = append(c.policy.Programs, p.is)
	}
}

// maxLabel keeps the ids of rules within what an event may carry, whatever a
// program is called.
const maxLabel = 64

// programLabel names a program rule by the first thing it says.
func programLabel(p PolicyProgram) string {
	if p.Name != "" || p.OriginalName != "" {
		return clipTo(cmp.Or(p.Name, p.OriginalName), maxLabel)
	}
	if p.Signer != "" || p.Path != "" {
		return slug(cmp.Or(p.Signer, p.Path))
	}
	return "sha256-" + p.SHA256[:min(12, len(p.SHA256))]
}

// slug gives the letters and digits of s with hyphens between, short enough for
// a rule's id.
func slug(s string) string {
	out := make([]byte, 0, maxID)
	for i := 0; i < len(s) && len(out) < maxID; i++ {
		switch b := s[i]; {
		case b >= 'a' && b <= 'z', b >= '0' && b <= '9':
			out = append(out, b)
		case len(out) > 0 && out[len(out)-1] != '-':
			out = append(out, '-')
		}
	}
	if n := len(out); n > 0 && out[n-1] == '-' {
		out = out[:n-1]
	}
	return cmp.Or(string(out), "other")
}

func (c *compiler) addLookalikes(src from, f *categoryFile) {
	for _, l := range f.looks {
		for _, name := range l.names {
			rule := c.rule(src, l.pos, l.severity, Rule{Kind: RuleLookalike, ID: c.id(src, "lookalike/"+name), Reviewed: true})
			c.policy.Lookalikes = append(c.policy.Lookalikes, NamedRule{name, rule})
			for _, other := range c.policy.Lookalikes {
				if other.Name != name && lookalike.Skeleton(other.Name) == lookalike.Skeleton(name) {
					c.bad(l.pos, fmt.Sprintf("names %q and %q look alike themselves", other.Name, name), "keep one of them, or each would flag the other")
				}
			}
		}
		if len(c.policy.Lookalikes) > maxLookalikes {
			c.bad(l.pos, fmt.Sprintf("%d names whose look-alikes are sought", len(c.policy.Lookalikes)), fmt.Sprintf("want at most %d in all: your own and your bank's", maxLookalikes))
			return
		}
	}
}
