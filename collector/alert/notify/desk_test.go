package notify

import (
	"context"
	"sync"
	"time"

	"safelight/collector/model"
	"safelight/collector/store"
	"safelight/internal/event"
)

// The real store fits.
var _ Store = (*store.Store)(nil)

// desk is a store that holds one notification.
type desk struct {
	mu    sync.Mutex // guards everything below
	note  model.Notification
	user  model.User
	alert model.Alert
	gone  bool // the user may not see the alert
	texts []string
}

func newDesk() *desk {
	return &desk{
		note:  model.Notification{School: school, ID: "NOTE1234", Alert: "7KQ2M4XT", User: "dsl", Why: "DSL", Channel: "mail", Created: noon},
		user:  model.User{School: school, ID: "dsl", Name: "Canary Recipient", Email: "dsl@mail.example", Duty: model.DutyDSL},
		alert: model.Alert{School: school, Ref: "7KQ2M4XT", Subject: "canary-subject", Category: "canary-category", Device: "canary-device", Severity: event.Urgent},
	}
}

func (d *desk) NotificationByID(_ context.Context, s model.SchoolID, id string) (model.Notification, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s != school || id != d.note.ID {
		return model.Notification{}, model.ErrNotFound
	}
	return d.note, nil
}

func (d *desk) UserByID(context.Context, model.SchoolID, string) (model.User, error) {
	return d.user, nil
}

func (d *desk) AlertFor(_ context.Context, _ model.SchoolID, _ model.User, ref string) (model.Alert, error) {
	if d.gone || ref != d.alert.Ref {
		return model.Alert{}, model.ErrNotFound
	}
	return d.alert, nil
}

func (d *desk) NotificationTried(_ context.Context, _ model.SchoolID, _ string, now time.Time, text string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.note.Attempts++
	d.note.Tried, d.note.Error = now, text
	d.texts = append(d.texts, text)
	return nil
}

func (d *desk) NotificationAccepted(_ context.Context, _ model.SchoolID, _ string, now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.note.Attempts++
	d.note.Accepted = now
	return nil
}

func (d *desk) NotificationFailed(_ context.Context, _ model.SchoolID, _ string, now time.Time, text string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.note.Failed, d.note.Error = now, text
	d.texts = append(d.texts, text)
	return nil
}
