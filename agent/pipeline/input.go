package pipeline

import (
	"slices"
	"time"

	"safelight/internal/rules"
)

// unknownRole is the scope by which an account is judged that nobody knows: a
// child must not be missed for want of a roster.
const unknownRole = "pupil"

// judgedAs is the role that an event says.
func judgedAs(who Person) string {
	if who.Role == "" {
		return unknownRole
	}
	return who.Role
}

// input is what an observation is judged by.
func (p *Pipeline) input(q queued, who Person) rules.Input {
	in := rules.Input{
		Kind: q.Kind, Text: q.Name, Exe: q.Exe, OriginalName: q.OriginalName, Signer: q.Signer, SHA256: q.sha256, Role: who.Role, Year: who.Year, Groups: who.Groups, Site: who.Site,
		At: q.Time, Recent: p.recent.of(q.User), NoSearches: !p.parts.Searches,
	}
	if p.parts.Around == nil {
		return in
	}
	around := p.parts.Around(who, q.when())
	in.Site, in.Premises, in.Unfiltered = around.Site, around.Premises, around.Unfiltered
	in.Periods, in.Exempt = around.Periods, around.Exempt
	return in
}

// when is the moment at which something was observed: a line that is read long
// after it was written is as old as the wall's clock says.
func (q queued) when() Moment {
	age := max(0, q.put.Sub(q.Time))
	return Moment{Wall: q.Time, Boot: q.bootID, Mono: q.mono - age}
}

const (
	// What is remembered of an account, and of how many.
	maxRecent   = 64 // twice as many as a rule may ask for of its category
	maxAccounts = 4096
	// recentFor is how far back: rules look no further.
	recentFor = 7 * 24 * time.Hour
)

// recent remembers the last verdicts of accounts, so that rules can tell a
// repetition, or one thing beside another. It is lost when the agent ends, and
// meant to be: on disk it would be a record of what people did beside the one
// that the school decided on (G18), and all that is lost with it is that the next
// finding weighs no more than its own rule says.
type recent struct {
	by    map[string][]rules.Seen
	fresh []freshly // of the observation at hand
}

type freshly struct {
	account string
	rules.Seen
}

// of is what is remembered of an account, oldest first. Nobody's is nobody's: it
// may be anybody's.
func (r *recent) of(account string) []rules.Seen {
	if account == "" {
		return nil
	}
	return r.by[account]
}

// add notes a verdict; keep has it remembered, and undo forgets it, where judging
// broke off and begins again.
func (r *recent) add(account string, seen rules.Seen) {
	if account != "" {
		r.fresh = append(r.fresh, freshly{account, seen})
	}
}

func (r *recent) undo() { r.fresh = r.fresh[:0] }

func (r *recent) keep() {
	for _, f := range r.fresh {
		if r.by == nil {
			r.by = map[string][]rules.Seen{}
		}
		if _, known := r.by[f.account]; !known && len(r.by) >= maxAccounts {
			r.makeRoom(f.At)
		}
		all := r.by[f.account]
		if slices.ContainsFunc(all, func(s rules.Seen) bool { return s.Category == f.Category && s.SameVisit(f.Rule, f.At) }) {
			continue // counted once anyway
		}
		if len(all) >= maxRecent {
			i := dispensable(all)
			all = slices.Delete(all, i, i+1)
		}
		r.by[f.account] = append(all, f.Seen)
	}
	r.undo()
}

// dispensable gives the oldest of the category that most is remembered of: a site
// with many names takes no place from what was seen of other things.
func dispensable(all []rules.Seen) int {
	best, most := 0, 0
	for i := range all {
		n := 0
		for _, s := range all[i:] {
			if s.Category == all[i].Category {
				n++
			}
		}
		if n > most {
			best, most = i, n
		}
	}
	return best
}

// makeRoom forgets what is too old to matter and, where that is not enough, one
// account in four.
func (r *recent) makeRoom(now time.Time) {
	for account, all := range r.by {
		if now.Sub(all[len(all)-1].At) > recentFor {
			delete(r.by, account)
		}
	}
	n := 0
	for account := range r.by {
		if len(r.by) < maxAccounts || n >= maxAccounts/4 {
			return
		}
		delete(r.by, account)
		n++
	}
}
