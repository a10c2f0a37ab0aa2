package store

import (
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
// ownLookups in two parameters may see what is about s: a known pupil who is not
// the reader.
func subjectVisible(now, before string) string {
	return `s.known = 1 AND s.role = 'pupil' AND s.device = '' AND (` + now + ` = '' OR s.bare NOT IN (` + now + `, ` + before + `))`
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
