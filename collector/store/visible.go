package store

import (
	"context"
	"database/sql"

	"safelight/collector/model"
	"safelight/collector/seal"
)

// Until routing is built, a known pupil's alerts go to the DSL and the
// deputies; everything else is held and shown to nobody. One rule serves
// telling and showing, so that the two cannot drift apart.

// mayRead says whether a user's duty lets them see pupils' alerts at all.
func mayRead(school model.SchoolID, user model.User) bool {
	return user.School == school && !user.Disabled && (user.Duty == model.DutyDSL || user.Duty == model.DutyDeputy)
}

// subjectVisible is the condition on subjects s under which a reader with
// ownLookups in two parameters may see what is about s: a known pupil who is
// neither the reader nor connected with them.
func subjectVisible(now, before string) string {
	return `s.known = 1 AND s.role = 'pupil' AND s.device = '' AND (` + now + ` = '' OR (s.bare NOT IN (` + now + `, ` + before + `)
		AND NOT EXISTS (SELECT 1 FROM connections c JOIN subjects o ON o.school_id = c.school_id AND o.id = c.other_id
			WHERE c.school_id = s.school_id AND c.subject_id = s.id AND o.bare IN (` + now + `, ` + before + `))))`
}

// connected lists what those are found by in bare with whom a subject is
// connected: they are told of it as little as itself.
func connected(ctx context.Context, tx *sql.Tx, school model.SchoolID, subject string) ([]string, error) {
	return collect(ctx, tx, func(row scanner) (bare string, err error) { return bare, row.Scan(&bare) },
		`SELECT o.bare FROM connections c JOIN subjects o ON o.school_id = c.school_id AND o.id = c.other_id
			WHERE c.school_id = $1 AND c.subject_id = $2`, school, subject)
}

// ownLookups are what a user's own subject has in bare: the account comes in bare
// form, so that a domain written differently does not show people their own
// alert.
func ownLookups(keys *seal.School, user model.User) (now, before string) {
	return keys.Lookups(byBare, model.BareAccount(user.Account))
}

// routable says whether there is anybody to tell about a subject.
func routable(known bool, role model.Role) bool {
	return known && role == model.RolePupil
}
