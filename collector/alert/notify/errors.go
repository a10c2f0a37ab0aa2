package notify

import (
	"errors"
	"fmt"
	"net/textproto"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Error says why a mail has not been accepted, and what follows from it. Its
// text names no person and repeats nothing the mail server said but its codes:
// servers like to quote addresses.
type Error struct {
	Doing      string        // "handing over the mail"
	Code       int           // the mail server's answer, 0 when it gave none
	GiveUp     bool          // trying again is no use
	RetryAfter time.Duration // when GiveUp is false
	err        error
}

func (e *Error) Error() string {
	what := "no answer"
	switch {
	case e.Code != 0:
		what = fmt.Sprintf("the mail server answered %d", e.Code)
	case e.err != nil:
		what = e.err.Error()
	}
	if e.GiveUp {
		return e.Doing + ": " + what + "; given up"
	}
	return e.Doing + ": " + what
}

// Unwrap lets callers find a cancelled context.
func (e *Error) Unwrap() error { return e.err }

var (
	errAddress = errors.New("the recipient has no usable address; give them one with user add")
	errGone    = errors.New("the recipient may no longer be told of it")
	errTooLate = errors.New("not accepted for a day")
)

// code finds the mail server's answer in an error.
func code(err error) int {
	var sent *gomail.SendError
	if errors.As(err, &sent) && sent.ErrorCode() != 0 {
		return sent.ErrorCode()
	}
	var answered *textproto.Error
	if errors.As(err, &answered) {
		return answered.Code
	}
	return 0
}
