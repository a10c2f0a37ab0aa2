package rules

import (
	"slices"
	"strings"

	"safelight/internal/rules/flat"
)

// listed is a domain rule that stands for a host, and how specific it is.
type listed struct {
	rule   *Rule
	length int
}

func (l listed) allow() bool { return l.rule.Kind == RuleAllowDomain }

// eachHost offers the domain rules that stand for host, then names drawn like
// protected ones, then words in its name for categories that have no rule on
// the domain itself.
func (j *judging) eachHost(host string) {
	j.collect(host)
	for i, e := range j.entries {
		if e.allow() {
			continue
		}
		f := finding{rule: e.rule, start: len(host) - e.length, end: len(host), decision: Flag}
		if by := j.outdone(i); by != nil {
			j.lost(f, lostToRule, by)
			continue
		}
		j.offer(f)
	}
	if i, start, ok := j.rs.looks.Find(host); ok {
		r := j.rs.rule(j.rs.policy.Lookalikes[i].Rule)
		if f := (finding{rule: r, start: start, end: len(host), decision: Flag}); j.stands(r, f) && !j.hasEntry(r.Category) {
			j.offer(f)
		}
	}
	j.eachHostWord(host)
}

// collect fills j.entries with the rules on host and the names above it that
// hold for the subject.
func (j *judging) collect(host string) {
	j.entries = j.entries[:0]
	parents(host, func(name string) bool {
		flat.Each(j.rs.table.domains, name, func(rule uint32) bool {
			j.entry(j.rs.rule(rule), host, len(name))
			return true
		})
		return true
	})
	if j.rs.names == nil {
		return
	}
	j.rs.names.Each(host, func(start int, set uint32) bool {
		if int(set) < len(j.rs.policy.Sets) { // a false find may be of any set
			for _, i := range j.rs.policy.Sets[set] {
				j.entry(j.rs.rule(i), host, len(host)-start)
			}
		}
		return true
	})
}

func (j *judging) entry(r *Rule, host string, length int) {
	if r.Kind == RuleAllowDomain && j.exempt(r.Category) {
		return // an exemption stands above what a school allows (G16)
	}
	if j.stands(r, finding{rule: r, start: len(host) - length, end: len(host)}) {
		j.entries = append(j.entries, listed{r, length})
	}
}

// outdone gives another entry of the same category that stands above entry i,
// if there is one: a school's above a pack's, then the more specific, then an
// allow. In a locked category nothing is outdone: there are no allows, and a
// school's rule must not take the place of a graver one.
func (j *judging) outdone(i int) *Rule {
	e := j.entries[i]
	if j.category(e.rule).Locked {
		return nil
	}
	for k, o := range j.entries {
		if k == i || o.rule.Category != e.rule.Category {
			continue
		}
		switch {
		case o.rule.Tier != e.rule.Tier:
			if o.rule.Tier > e.rule.Tier {
				return o.rule
			}
		case o.length != e.length:
			if o.length > e.length {
				return o.rule
			}
		case o.allow():
			return o.rule
		}
	}
	return nil
}

func (j *judging) hasEntry(category int32) bool {
	return slices.ContainsFunc(j.entries, func(e listed) bool { return e.rule.Category == category })
}

// eachHostWord looks for phrases marked `in: [host]` in the name, its last
// label left out. That is a weak sign, so it is only a note.
func (j *judging) eachHostWord(host string) {
	j.read(j.rs.hosts.Plain(&j.words, host), false)
	last := strings.LastIndexByte(host, '.')
	kept := j.hits[:0]
	for _, h := range j.hits {
		if h.End > last || strings.IndexByte(host[h.Start:h.End], '.') >= 0 {
			continue
		}
		if j.hasEntry(h.rule.Category) {
			j.lost(finding{rule: h.rule, start: h.Start, end: h.End, words: h.Hit}, lostToName, nil)
			continue
		}
		kept = append(kept, h)
	}
	j.hits = kept
	j.weigh(func(f *finding) { f.decision, f.host = Note, true })
}
