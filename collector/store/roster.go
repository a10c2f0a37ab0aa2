package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"safelight/collector/model"
	"safelight/collector/seal"
)

// rosterChunk is how many people one transaction lays down: few enough to hold
// the write connection for some milliseconds.
const rosterChunk = 100

// ImportRoster takes over who is who. The roster is the whole one: people not yet
// known are added, those of whom anything differs are changed, and those whom it
// does not name have left. They are kept as they were, with what is about them,
// until retention removes them, and devices are told that they are not known.
//
// The rows are laid down in chunks and switched over in one short transaction, so
// a roster is imported whole or not at all.
//
// A held alert whose subject is now known as a pupil is released: the next
// GatherOnce opens it and tells. An alert whose subject is no longer known as a
// pupil is from then on shown to nobody.
func (s *Store) ImportRoster(ctx context.Context, school model.SchoolID, name string, people []model.Person, now time.Time) (model.RosterChange, error) {
	change, err := s.importRoster(ctx, school, name, people, now)
	if err != nil {
		return model.RosterChange{}, fmt.Errorf("importing roster: %w", err)
	}
	return change, nil
}

func (s *Store) importRoster(ctx context.Context, school model.SchoolID, name string, people []model.Person, now time.Time) (change model.RosterChange, err error) {
	if change, err = s.PlanRoster(ctx, school, people); err != nil {
		return change, err
	}
	keys, err := s.keysOf(ctx, school)
	if err != nil {
		return change, err
	}
	in := &incoming{school: school, keys: keys, id: randomID(), bare: bareOnce(people)}
	for chunk := range slices.Chunk(people, rosterChunk) {
		if err := s.write(ctx, func(tx *sql.Tx) error { return in.stage(ctx, tx, chunk) }); err != nil {
			return change, errors.Join(err, s.dropRoster(ctx, school, in.id))
		}
	}
	for chunk := range slices.Chunk(people, rosterChunk) { // whom a connection names may stand further down
		if err := s.write(ctx, func(tx *sql.Tx) error { return in.connect(ctx, tx, chunk) }); err != nil {
			return change, errors.Join(err, s.dropRoster(ctx, school, in.id))
		}
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		if err := switchRoster(ctx, tx, school, in.id, name, now); err != nil {
			return err
		}
		// Before anybody else writes: an account may be another subject's from now on.
		s.forgetSubjects()
		return note(ctx, tx, school, model.AuditRecord{
			At: now, What: "roster.import", Ref: "roster:" + in.id,
			Outcome: fmt.Sprintf("%d people, %d new, %d changed, %d left", change.People, change.Added, change.Changed, change.Left),
		})
	})
	// A staging area that stays behind is swept by the next import.
	if err != nil {
		return change, errors.Join(err, s.dropRoster(ctx, school, in.id))
	}
	names := slices.ContainsFunc(people, func(p model.Person) bool { return len(p.Connections) > 0 })
	return change, s.sweepRosters(ctx, school, in.id, names)
}

// incoming is a roster on its way in.
type incoming struct {
	school model.SchoolID
	keys   *seal.School
	id     string
	bare   map[string]bool // bare accounts that only one account of it has
}

// bareOnce lists the bare accounts that one account of a roster has: only those
// can be told by it.
func bareOnce(people []model.Person) map[string]bool {
	once := map[string]bool{}
	for _, p := range people {
		for _, account := range p.Accounts() {
			bare := model.BareAccount(account)
			_, seen := once[bare]
			once[bare] = !seen
		}
	}
	return once
}

// stage lays people down. Whoever has no subject gets one, of an account that no
// roster explains until the switch.
func (in *incoming) stage(ctx context.Context, tx *sql.Tx, people []model.Person) error {
	now, err := in.keys.Present()
	if err != nil {
		return err
	}
	for _, p := range people {
		for _, account := range p.Accounts() {
			if err := in.stageAccount(ctx, tx, now, p, model.FoldAccount(account)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (in *incoming) stageAccount(ctx context.Context, tx *sql.Tx, now seal.Present, p model.Person, account string) error {
	subject, err := in.subject(ctx, tx, account)
	if err != nil {
		return err
	}
	sealed, err := sealedAnew(ctx, tx, in.school, subject, details{Account: account, Name: p.Name, Reference: p.Reference})
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO roster_rows (school_id, import, account, bare, id, name, role, year)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, in.school, in.id, now.Lookup(byAccount, account), now.Lookup(byBare, model.BareAccount(account)),
		subject.id, sealed, p.Role, p.Year)
	if err != nil {
		return taken(err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO roster_people (school_id, import, subject_id, key_stage, site) VALUES ($1, $2, $3, $4, $5)`,
		in.school, in.id, subject.id, p.KeyStage, p.Site)
	if err != nil {
		return taken(err)
	}
	for _, group := range p.Groups {
		_, err = tx.ExecContext(ctx, `INSERT INTO roster_groups (school_id, import, subject_id, name) VALUES ($1, $2, $3, $4)
			ON CONFLICT (school_id, import, subject_id, name) DO NOTHING`, in.school, in.id, subject.id, group)
		if err != nil {
			return err
		}
	}
	return nil
}

// subject finds whose an account is, or makes a subject of it. Where nobody has
// it letter for letter, the one is meant who is known by it without the domain
// or, where nobody is, who was seen under it: devices write accounts in their
// own ways.
func (in *incoming) subject(ctx context.Context, tx *sql.Tx, account string) (foundSubject, error) {
	found, known, err := findExactly(ctx, tx, in.keys, subjectKey{school: in.school, account: account})
	if err != nil || known {
		return found, err
	}
	if in.bare[model.BareAccount(account)] {
		for _, among := range []string{amongPresent, amongKnown, amongUnknown} {
			if other, ok, err := findBare(ctx, tx, in.keys, in.school, account, among); err != nil || ok {
				return other, err
			}
		}
	}
	if found.id != "" {
		return found, nil
	}
	return ensureExactly(ctx, tx, in.keys, subjectKey{school: in.school, account: account})
}

// connect lays down who is never told of whom: both ways, and between the
// accounts of one person.
func (in *incoming) connect(ctx context.Context, tx *sql.Tx, people []model.Person) error {
	for _, p := range people {
		if len(p.Also)+len(p.Connections) == 0 {
			continue
		}
		var own []string
		for _, account := range p.Accounts() {
			subject, err := in.subject(ctx, tx, model.FoldAccount(account))
			if err != nil {
				return err
			}
			own = append(own, subject.id)
		}
		others := slices.Clone(own)
		for _, account := range p.Connections {
			subject, err := in.subject(ctx, tx, model.FoldAccount(account))
			if err != nil {
				return err
			}
			others = append(others, subject.id)
		}
		for _, one := range own {
			for _, other := range others {
				if err := in.link(ctx, tx, one, other); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (in *incoming) link(ctx context.Context, tx *sql.Tx, one, other string) error {
	if one == other {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO connections (school_id, subject_id, other_id, import) VALUES ($1, $2, $3, $4), ($1, $3, $2, $4)
		ON CONFLICT (school_id, subject_id, other_id, import) DO NOTHING`, in.school, one, other, in.id)
	return err
}

// sealedAnew seals what of a subject is sealed, or leaves it as it is where it says
// the same: sealing it again would look like a change.
func sealedAnew(ctx context.Context, tx *sql.Tx, school model.SchoolID, subject foundSubject, d details) ([]byte, error) {
	var was []byte
	err := tx.QueryRowContext(ctx, `SELECT name FROM subjects WHERE school_id = $1 AND id = $2`, school, subject.id).Scan(&was)
	if err != nil {
		return nil, err
	}
	if now, err := openDetails(subject.box, school, subject.id, was); err == nil && now == d {
		return was, nil
	}
	return sealDetails(subject.box, school, subject.id, d)
}

func switchRoster(ctx context.Context, tx *sql.Tx, school model.SchoolID, id, name string, now time.Time) error {
	for _, query := range []string{
		`INSERT INTO subjects (school_id, id, account, device, bare, name, role, year, known)
			SELECT school_id, id, account, '', bare, name, role, year, 1 FROM roster_rows WHERE school_id = $1 AND import = $2
			ON CONFLICT (school_id, id) DO UPDATE
			SET name = excluded.name, role = excluded.role, year = excluded.year, known = 1
			WHERE subjects.account NOT LIKE 'erased:%'`, // while the import was under way
		`INSERT INTO releases (school_id, ref)
			SELECT a.school_id, a.ref FROM roster_rows r
			JOIN alerts a ON a.school_id = r.school_id AND a.subject_id = r.id
			WHERE r.school_id = $1 AND r.import = $2 AND r.role = 'pupil' AND a.state = 'held'
			ON CONFLICT (school_id, ref) DO NOTHING`,
		// Everything laid down: this import's, and that of any cut short before.
		`DELETE FROM roster_rows WHERE school_id = $1 AND $2 <> ''`,
	} {
		if _, err := tx.ExecContext(ctx, query, school, id); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO rosters (school_id, import, at, name) VALUES ($1, $2, $3, $4)
		ON CONFLICT (school_id) DO UPDATE SET import = excluded.import, at = excluded.at, name = excluded.name`, school, id, micros(now), name)
	if err != nil {
		return err
	}
	return bump(ctx, tx, school, TopicPeople)
}
