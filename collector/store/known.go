package store

import (
	"context"
	"fmt"

	"safelight/collector/model"
)

// KnownAs says how an account is judged: as the roster in force has it, letter for
// letter or, where only one person is meant, without its domain. It is false for
// accounts that no roster names, and of people who left.
func (s *Store) KnownAs(ctx context.Context, school model.SchoolID, account string) (model.KnownAs, bool, error) {
	account = model.FoldAccount(account)
	if account == "" {
		return model.KnownAs{}, false, nil
	}
	keys, err := s.keysOf(ctx, school)
	if err != nil {
		return model.KnownAs{}, false, err
	}
	now, before := keys.Lookups(byAccount, account)
	known, err := s.knownBy(ctx, school, `s.account IN ($2, $3)`, now, before)
	if err == nil && len(known) == 0 {
		now, before = keys.Lookups(byBare, model.BareAccount(account))
		known, err = s.knownBy(ctx, school, `s.bare IN ($2, $3)`, now, before)
	}
	if err != nil {
		return model.KnownAs{}, false, fmt.Errorf("reading how an account is known: %w", err)
	}
	if len(known) != 1 {
		return model.KnownAs{}, false, nil
	}
	as := known[0]
	if as.Groups, err = s.groupsOf(ctx, school, as.Subject); err != nil {
		return model.KnownAs{}, false, err
	}
	return as, true, nil
}

func (s *Store) knownBy(ctx context.Context, school model.SchoolID, by, now, before string) ([]model.KnownAs, error) {
	return collect(ctx, s.reader, func(row scanner) (as model.KnownAs, err error) {
		return as, row.Scan(&as.Subject, &as.Role, &as.Year, &as.KeyStage, &as.Site)
	}, `SELECT s.id, s.role, s.year, COALESCE(f.key_stage, ''), COALESCE(f.site, '') FROM subjects s
		LEFT JOIN rosters o ON o.school_id = s.school_id
		LEFT JOIN roster_people f ON f.school_id = s.school_id AND f.import = o.import AND f.subject_id = s.id
		WHERE s.school_id = $1 AND `+by+` AND s.device = '' AND `+amongPresent+` ORDER BY s.id LIMIT 2`, school, now, before)
}

func (s *Store) groupsOf(ctx context.Context, school model.SchoolID, subject string) ([]string, error) {
	groups, err := collect(ctx, s.reader, func(row scanner) (name string, err error) { return name, row.Scan(&name) },
		`SELECT g.name FROM roster_groups g JOIN rosters r ON r.school_id = g.school_id AND r.import = g.import
			WHERE g.school_id = $1 AND g.subject_id = $2 ORDER BY g.name`, school, subject)
	if err != nil {
		return nil, fmt.Errorf("reading groups: %w", err)
	}
	return groups, nil
}

// GroupSize counts a group's learners, whom leave and scopes are about: a teacher
// beside one pupil makes no class. It counts by subjects, so that one with two
// accounts counts twice only where nothing connects these.
func (s *Store) GroupSize(ctx context.Context, school model.SchoolID, group string) (int, error) {
	var n int
	err := s.reader.QueryRowContext(ctx, `SELECT COUNT(*) FROM roster_groups g
		JOIN rosters r ON r.school_id = g.school_id AND r.import = g.import
		JOIN subjects s ON s.school_id = g.school_id AND s.id = g.subject_id AND s.role IN ('pupil', 'adult-learner')
		WHERE g.school_id = $1 AND g.name = $2 AND NOT EXISTS (
			SELECT 1 FROM connections c JOIN roster_groups o ON o.school_id = c.school_id AND o.import = g.import AND o.name = g.name AND o.subject_id = c.other_id
			WHERE c.school_id = g.school_id AND c.subject_id = g.subject_id AND c.other_id < g.subject_id)`, school, group).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("counting a group: %w", err)
	}
	return n, nil
}

// RosterWords lists the groups and years of the roster in force, and the sites that
// devices were enrolled for.
func (s *Store) RosterWords(ctx context.Context, school model.SchoolID) (w model.RosterWords, err error) {
	name := func(row scanner) (name string, err error) { return name, row.Scan(&name) }
	read := func(into *[]string, query string) {
		if err == nil {
			*into, err = collect(ctx, s.reader, name, query, school)
		}
	}
	read(&w.Groups, `SELECT DISTINCT g.name FROM roster_groups g JOIN rosters r ON r.school_id = g.school_id AND r.import = g.import WHERE g.school_id = $1 ORDER BY g.name`)
	read(&w.Years, `SELECT DISTINCT s.year FROM subjects s JOIN roster_people p ON p.school_id = s.school_id AND p.subject_id = s.id
		JOIN rosters r ON r.school_id = p.school_id AND r.import = p.import WHERE s.school_id = $1 AND s.year <> '' ORDER BY s.year`)
	read(&w.Sites, `SELECT DISTINCT d.site FROM devices d WHERE d.school_id = $1 AND d.site <> '' ORDER BY d.site`)
	var people int
	if err == nil {
		err = s.reader.QueryRowContext(ctx, `SELECT COUNT(*) FROM rosters r JOIN roster_people p ON p.school_id = r.school_id AND p.import = r.import WHERE r.school_id = $1`, school).Scan(&people)
	}
	w.Roster = people > 0
	if err != nil {
		return w, fmt.Errorf("reading what the roster names: %w", err)
	}
	return w, nil
}
