package logging

import "errors"

// quiet is an error with words from a school's own files in it: sites, groups,
// phrases, hosts. Whoever may read those files reads all of it; a log does not.
type quiet struct {
	error
	say string
}

func (q quiet) Unwrap() error { return q.error }

// Quiet has Say give say for err, and for whatever wraps it, in its place: the kind
// of the mistake or where it stands, and nothing of what stands there (G11). It
// returns nil for nil.
func Quiet(err error, say string) error {
	if err == nil {
		return nil
	}
	return quiet{err, say}
}

// Say gives what a log may say of err: all of it, but for what is Quiet.
func Say(err error) string {
	var q quiet
	if errors.As(err, &q) {
		return q.say
	}
	return err.Error()
}
