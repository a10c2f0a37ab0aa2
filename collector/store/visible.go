package store

import (
	"safelight/collector/model"
)

// Until routing is built, a known pupil's alerts go to the DSL and the
// deputies; everything else is held and shown to nobody. One rule serves
// telling and showing, so that the two cannot drift apart.

// mayRead says whether a user's duty lets them see pupils' alerts at all.
func mayRead(school model.SchoolID, user model.User) bool {
	return user.School == school && !user.Disabled && (user.Duty == model.DutyDSL || user.Duty == model.DutyDeputy)
}

// subjectVisible is the condition on subjects s under which a reader with the
// bare account in parameter account may see what is about s: a known pupil who
// is not the reader. The account comes in bare form, so that a domain written
// differently does not show people their own alert.
func subjectVisible(account string) string {
	return `s.known = 1 AND s.role = 'pupil' AND s.device = '' AND (` + account + ` = '' OR s.bare <> ` + account + `)`
}

// routable says whether there is anybody to tell about a subject.
func routable(known bool, role model.Role) bool {
	return known && role == model.RolePupil
}
