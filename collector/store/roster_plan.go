package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"safelight/collector/model"
)

// PlanRoster says what an import of people would change, and changes nothing.
func (s *Store) PlanRoster(ctx context.Context, school model.SchoolID, people []model.Person) (model.RosterChange, error) {
	now, err := s.rosterNow(ctx, school)
	if err != nil {
		return model.RosterChange{}, fmt.Errorf("comparing with the roster in force: %w", err)
	}
	change := model.RosterChange{People: len(people), Before: now.present}
	once := bareOnce(people)
	named := map[string]bool{}
	for _, p := range people {
		want := entryOf(p)
		for _, account := range p.Accounts() {
			change.Accounts++
			was := now.find(model.FoldAccount(account), once)
			switch {
			case was == nil || was.left:
				change.Added++
				change.Details = append(change.Details, model.RosterDetail{Line: p.Line, Role: p.Role, Year: p.Year, What: "added"})
			default:
				if fields := was.differs(want, model.FoldAccount(account), now.linked(p)); len(fields) > 0 {
					change.Changed++
					change.Details = append(change.Details, model.RosterDetail{Line: p.Line, Role: p.Role, Year: p.Year, What: "changed", Fields: fields})
				} else {
					change.Unchanged++
				}
			}
			if was != nil {
				named[was.id] = true
			}
		}
	}
	staying := len(change.Details)
	for _, e := range now.entries {
		if !e.left && !named[e.id] {
			change.Left++
			change.Details = append(change.Details, model.RosterDetail{Account: e.account, Role: e.role, Year: e.year, What: "left"})
		}
	}
	slices.SortFunc(change.Details[staying:], func(a, b model.RosterDetail) int { return cmp.Compare(a.Account, b.Account) })
	return change, nil
}

// entry is what a roster says of an account.
type entry struct {
	id, account, name, reference string
	role                         model.Role
	year, keyStage, site         string
	groups                       []string
	left                         bool
	connections                  []string // ids
}

func entryOf(p model.Person) entry {
	groups := slices.Clone(p.Groups)
	slices.Sort(groups)
	return entry{name: p.Name, reference: p.Reference, role: p.Role, year: p.Year, keyStage: p.KeyStage, site: p.Site, groups: slices.Compact(groups)}
}

// differs names the columns in which what is known differs from what is wanted.
func (e *entry) differs(want entry, account string, linked []string) (fields []string) {
	for _, f := range []struct {
		name string
		same bool
	}{
		{"account", e.account == account},
		{"name", e.name == want.name},
		{"role", e.role == want.role},
		{"year", e.year == want.year},
		{"key stage", e.keyStage == want.keyStage},
		{"groups", slices.Equal(e.groups, want.groups)},
		{"site", e.site == want.site},
		{"reference", e.reference == want.reference},
		{"connections", e.hasAll(linked)},
	} {
		if !f.same {
			fields = append(fields, f.name)
		}
	}
	return fields
}

// hasAll says whether what is connected is connected already. What is more may
// come from the other side's row.
func (e *entry) hasAll(linked []string) bool {
	for _, id := range linked {
		if id != e.id && !slices.Contains(e.connections, id) {
			return false
		}
	}
	return true
}

// rosterNow is everybody who is known.
type rosterNow struct {
	entries map[string]*entry // by id
	account map[string]*entry
	bare    map[string][]*entry
	present int
}

// find is as incoming.subject finds: letter for letter, or by the account without
// its domain where that tells one person.
func (r *rosterNow) find(account string, once map[string]bool) *entry {
	if e := r.account[account]; e != nil {
		return e
	}
	bare := model.BareAccount(account)
	if !once[bare] {
		return nil
	}
	all := r.bare[bare]
	here := slices.DeleteFunc(slices.Clone(all), func(e *entry) bool { return e.left })
	switch {
	case len(here) == 1:
		return here[0]
	case len(here) == 0 && len(all) == 1:
		return all[0]
	}
	return nil
}

// linked are the ids of those whom a person is connected with; one who is not
// known yet has the id "", which nobody is connected with.
func (r *rosterNow) linked(p model.Person) (ids []string) {
	for _, account := range append(slices.Clone(p.Connections), p.Also...) {
		id := ""
		if e := r.account[model.FoldAccount(account)]; e != nil {
			id = e.id
		}
		ids = append(ids, id)
	}
	return ids
}

func (s *Store) rosterNow(ctx context.Context, school model.SchoolID) (*rosterNow, error) {
	keys, err := s.keysOf(ctx, school)
	if err != nil {
		return nil, err
	}
	now := &rosterNow{entries: map[string]*entry{}, account: map[string]*entry{}, bare: map[string][]*entry{}}
	subjects, err := collect(ctx, s.reader, func(row scanner) (model.Subject, error) { return s.readSubject(keys, row) },
		`SELECT `+subjectColumns+openableSubjects+` WHERE s.school_id = $1 AND s.device = '' AND (s.known = 1
			OR s.id IN (SELECT c.other_id FROM connections c WHERE c.school_id = $1))`, school)
	if err != nil {
		return nil, err
	}
	for _, subject := range subjects {
		if !subject.Erased.IsZero() || subject.Unreadable {
			continue // as one of whom nothing is known: an import that has the account mends the latter
		}
		e := &entry{
			id: subject.ID, account: subject.Account, name: subject.Name, reference: subject.Reference,
			role: subject.Role, year: subject.Year, left: subject.Left || !subject.Known,
		}
		now.account[e.account] = e
		if !subject.Known { // somebody's connection, and in no roster
			continue
		}
		if !e.left {
			now.present++
		}
		now.entries[e.id] = e
		now.bare[model.BareAccount(e.account)] = append(now.bare[model.BareAccount(e.account)], e)
	}
	return now, s.addFacts(ctx, school, now)
}

// addFacts reads key stages, sites, groups and connections.
func (s *Store) addFacts(ctx context.Context, school model.SchoolID, now *rosterNow) error {
	type fact struct{ id, a, b string }
	scan := func(row scanner) (f fact, err error) { return f, row.Scan(&f.id, &f.a, &f.b) }
	for _, one := range []struct {
		query string
		add   func(e *entry, f fact)
	}{
		{
			`SELECT p.subject_id, p.key_stage, p.site FROM roster_people p
			JOIN rosters r ON r.school_id = p.school_id AND r.import = p.import WHERE p.school_id = $1`,
			func(e *entry, f fact) { e.keyStage, e.site = f.a, f.b },
		},
		{
			`SELECT g.subject_id, g.name, '' FROM roster_groups g
			JOIN rosters r ON r.school_id = g.school_id AND r.import = g.import WHERE g.school_id = $1 ORDER BY g.subject_id, g.name`,
			func(e *entry, f fact) { e.groups = append(e.groups, f.a) },
		},
		{
			`SELECT c.subject_id, c.other_id, '' FROM connections c WHERE c.school_id = $1`,
			func(e *entry, f fact) { e.connections = append(e.connections, f.a) },
		},
	} {
		facts, err := collect(ctx, s.reader, scan, one.query, school)
		if err != nil {
			return err
		}
		for _, f := range facts {
			if e := now.entries[f.id]; e != nil {
				one.add(e, f)
			}
		}
	}
	for _, e := range now.entries { // the database sorts by its own rules
		slices.Sort(e.groups)
	}
	return nil
}
