package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	gomail "github.com/wneessen/go-mail"

	"safelight/collector/model"
)

// Store is what the mailer asks of the collector's store.
type Store interface {
	NotificationByID(ctx context.Context, school model.SchoolID, id string) (model.Notification, error)
	UserByID(ctx context.Context, school model.SchoolID, id string) (model.User, error)
	// AlertFor is only what this user may see: a recipient who may no longer
	// see the alert is not told of it either (G3).
	AlertFor(ctx context.Context, school model.SchoolID, user model.User, ref string) (model.Alert, error)
	NotificationTried(ctx context.Context, school model.SchoolID, id string, now time.Time, errText string) error
	NotificationAccepted(ctx context.Context, school model.SchoolID, id string, now time.Time) error
	NotificationFailed(ctx context.Context, school model.SchoolID, id string, now time.Time, errText string) error
}

// timeout bounds one whole try.
const timeout = 30 * time.Second

// Mailer sends notifications by mail. It is safe for concurrent use; each mail
// has its own connection.
type Mailer struct {
	cfg       Config
	publicURL string
	store     Store
	now       func() time.Time
	log       *slog.Logger
}

// NewMailer checks the configuration, its files included, and builds a mailer.
// publicURL is where staff reach the console.
func NewMailer(cfg Config, publicURL string, store Store, now func() time.Time, log *slog.Logger) (*Mailer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if _, err := cfg.password(); err != nil {
		return nil, err
	}
	if _, err := cfg.tlsConfig(); err != nil {
		return nil, err
	}
	if u, err := url.Parse(publicURL); err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("collector.yaml: public_url: %q; want https:// and the name under which staff reach the console", publicURL)
	}
	return &Mailer{cfg: cfg, publicURL: publicURL, store: store, now: now, log: log}, nil
}

// Notify tries once to mail a notification and stores what came of it. An
// accepted one is not sent again. The error is an *Error unless the store
// itself failed; one that gives up has been stored as failed.
func (m *Mailer) Notify(ctx context.Context, school model.SchoolID, notificationID string) error {
	n, err := m.store.NotificationByID(ctx, school, notificationID)
	if err != nil {
		return fmt.Errorf("reading a notification: %w", err)
	}
	if !n.Accepted.IsZero() || !n.Failed.IsZero() {
		return nil
	}
	msg, err := m.prepare(ctx, school, n)
	if err == nil {
		err = m.send(ctx, msg)
	}
	if err == nil {
		if err := m.store.NotificationAccepted(ctx, school, n.ID, m.now()); err != nil {
			return fmt.Errorf("noting an accepted mail: %w", err)
		}
		return nil
	}
	var failure *Error
	if !errors.As(err, &failure) {
		return err
	}
	return m.note(ctx, school, n, failure)
}

// prepare finds who is told of what, and writes it.
func (m *Mailer) prepare(ctx context.Context, school model.SchoolID, n model.Notification) (*gomail.Msg, error) {
	user, err := m.store.UserByID(ctx, school, n.User)
	if err == nil && user.Disabled {
		err = model.ErrNotFound
	}
	var alert model.Alert
	if err == nil {
		alert, err = m.store.AlertFor(ctx, school, user, n.Alert)
	}
	if errors.Is(err, model.ErrNotFound) {
		return nil, &Error{Doing: "finding who to tell", GiveUp: true, err: errGone}
	}
	if err != nil {
		return nil, fmt.Errorf("reading what to tell: %w", err)
	}
	msg, err := m.compose(n, alert, user.Email, m.now())
	if errors.Is(err, errAddress) {
		return nil, &Error{Doing: "addressing the mail", GiveUp: true, err: err}
	}
	return msg, err
}

// note stores a failure, and turns the last of a day's failures into giving up.
func (m *Mailer) note(ctx context.Context, school model.SchoolID, n model.Notification, failure *Error) error {
	// The try is over even where the caller is stopping; what came of it is
	// kept.
	ctx = context.WithoutCancel(ctx)
	now := m.now()
	failure.RetryAfter = WaitAfter(n.Attempts + 1)
	if !failure.GiveUp && now.Add(failure.RetryAfter).Sub(n.Created) > GiveUpAfter {
		failure = &Error{Doing: failure.Doing, Code: failure.Code, GiveUp: true, err: errors.Join(errTooLate, failure.err)}
	}
	store := m.store.NotificationTried
	if failure.GiveUp {
		failure.RetryAfter = 0
		store = m.store.NotificationFailed
		m.log.ErrorContext(ctx, "giving up a mail", "notification", n.ID, "ref", n.Alert, "reason", failure.Error())
	}
	if err := store(ctx, school, n.ID, now, failure.Error()); err != nil {
		return errors.Join(failure, fmt.Errorf("noting a failed mail: %w", err))
	}
	return failure
}
