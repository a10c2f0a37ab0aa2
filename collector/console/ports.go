package console

import (
	"context"
	"time"

	"safelight/collector/model"
)

// Store is what the console asks of the collector's store. What does not exist
// and what the asking person may not see are both model.ErrNotFound.
type Store interface {
	School(ctx context.Context, school model.SchoolID) (model.School, error)

	UserByID(ctx context.Context, school model.SchoolID, id string) (model.User, error)
	UserByEmail(ctx context.Context, school model.SchoolID, email string) (model.User, error)
	UserByLink(ctx context.Context, school model.SchoolID, hash []byte) (model.User, error)
	// SetPassword spends the user's one-time link in one step: of two at once
	// the second is ErrNotFound, as is one after its time.
	SetPassword(ctx context.Context, school model.SchoolID, userID, hash string, now time.Time) error
	// RecordSignIn counts a failure, or clears the count.
	RecordSignIn(ctx context.Context, school model.SchoolID, userID string, ok bool, now time.Time) error

	AddSession(ctx context.Context, session model.Session) error
	SessionByHash(ctx context.Context, school model.SchoolID, hash []byte, now time.Time) (model.Session, model.User, error)
	TouchSession(ctx context.Context, school model.SchoolID, hash []byte, seen, expires time.Time) error
	// RemoveSessions removes those that expired, or were not used since idle.
	RemoveSessions(ctx context.Context, school model.SchoolID, now, idle time.Time) error
	EndSession(ctx context.Context, school model.SchoolID, hash []byte) error

	// AlertsFor and AlertFor are only what this user may see (G3).
	AlertsFor(ctx context.Context, school model.SchoolID, user model.User, since time.Time) ([]model.Alert, error)
	AlertFor(ctx context.Context, school model.SchoolID, user model.User, ref string) (model.Alert, error)
	EventsOf(ctx context.Context, school model.SchoolID, ref string) ([]model.Event, error)
	Notifications(ctx context.Context, school model.SchoolID, ref string) ([]model.Notification, error)
	Subject(ctx context.Context, school model.SchoolID, id string) (model.Subject, error)
	Device(ctx context.Context, school model.SchoolID, id string) (model.Device, error)
	// AcknowledgeAlert says whether this press was the first.
	AcknowledgeAlert(ctx context.Context, school model.SchoolID, ref, userID string, now time.Time) (bool, error)
	MarkRead(ctx context.Context, school model.SchoolID, ref, userID string, now time.Time) error

	RecordAccess(ctx context.Context, access model.Access) error

	Sites(ctx context.Context, school model.SchoolID) ([]model.Site, error)
	Tokens(ctx context.Context, school model.SchoolID) ([]model.Token, error)
	// HealthOf lists a device's health events since a time, the newest first.
	HealthOf(ctx context.Context, school model.SchoolID, device string, since time.Time, limit int) ([]model.Health, error)
}

// Category is a rule category in words for people.
type Category struct {
	Title       string // "Self-harm"
	Noun        string // "self-harm", used in sentences
	FirstSteps  []string
	Helplines   []string
	PackVersion string
}

// List is a list of sites' names that rules take, in words for people.
type List struct {
	From, Licence string
	Own           bool // in a file of the rules, nobody else's
}

// Categories knows the words of the published rules.
type Categories interface {
	Category(id string) (Category, bool)
	List(id string) (List, bool)
}

// Fleet knows how far the school can see today. It may be nil; then nothing is
// said about it.
type Fleet interface {
	DevicesToday(ctx context.Context) (seen, enrolled int)
}

// Devices is what IT looks after.
type Devices interface {
	Ledger(ctx context.Context) (model.Ledger, error)
	// Said is what a device last said of itself.
	Said(id string) (model.DeviceStatus, bool)
	Expected(ctx context.Context) ([]model.Expected, error)
	// CheckExpected's errors are for the person who typed.
	CheckExpected(ctx context.Context, e model.Expected) (model.Expected, error)
	Expect(ctx context.Context, e model.Expected) error
	// Revoke ends a device's access at once.
	Revoke(ctx context.Context, id string) error
	// CopiesOf lists what came of a device's copies and is not revoked, the device revoked
	// or not; RevokeCopies revokes it, if it is not more than somebody was told.
	CopiesOf(ctx context.Context, of string) ([]model.Device, error)
	RevokeCopies(ctx context.Context, r model.RevokeCopies) ([]string, error)
	// NewToken makes an enrolment token; it is never stored.
	NewToken(ctx context.Context, site string, uses int, life time.Duration) (model.NewToken, error)
	// EndToken ends one before its time.
	EndToken(ctx context.Context, id string) error
}
