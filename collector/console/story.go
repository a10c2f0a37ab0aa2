package console

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

// reader gathers what one page needs, asking the store for each person and
// device once. It lives as long as one request.
type reader struct {
	c        *Console
	ctx      context.Context
	v        viewer
	now      time.Time
	subjects map[string]model.Subject
	devices  map[string]string
	users    map[string]string
}

func (c *Console) reader(ctx context.Context, v viewer) *reader {
	return &reader{
		c: c, ctx: ctx, v: v, now: c.now(),
		subjects: map[string]model.Subject{}, devices: map[string]string{}, users: map[string]string{},
	}
}

// story is an alert with all that its sentences need.
type story struct {
	alert   model.Alert
	events  []model.Event
	lead    model.Event // the one the headline speaks of
	subject model.Subject
	device  string
	cat     Category
}

func (rd *reader) story(alert model.Alert) (story, error) {
	s := story{alert: alert, cat: rd.category(alert.Category)}
	var err error
	if s.events, err = rd.c.store.EventsOf(rd.ctx, rd.c.school, alert.Ref); err != nil {
		return story{}, fmt.Errorf("reading an alert's events: %w", err)
	}
	if s.subject, err = rd.subject(alert.Subject); err != nil {
		return story{}, err
	}
	s.lead = leadOf(alert, s.events)
	if s.device, err = rd.device(s.lead.Device); err != nil {
		return story{}, err
	}
	return s, nil
}

// leadOf picks the event that made the alert as serious as it is, the earliest
// of those; the store gives them in the order in which they arrived.
func leadOf(alert model.Alert, events []model.Event) model.Event {
	for _, e := range events {
		if e.Severity == alert.Severity {
			return e
		}
	}
	if len(events) > 0 {
		return events[0]
	}
	return model.Event{Device: alert.Device, Kind: event.Domain, Observed: alert.First, Received: alert.Raised, Severity: alert.Severity}
}

func (rd *reader) subject(id string) (model.Subject, error) {
	if s, ok := rd.subjects[id]; ok {
		return s, nil
	}
	s, err := rd.c.store.Subject(rd.ctx, rd.c.school, id)
	if errors.Is(err, model.ErrNotFound) {
		s, err = model.Subject{Role: model.RoleUnknown}, nil
	}
	if err != nil {
		return model.Subject{}, fmt.Errorf("reading whose account it is: %w", err)
	}
	rd.subjects[id] = s
	return s, nil
}

func (rd *reader) device(id string) (string, error) {
	if name, ok := rd.devices[id]; ok {
		return name, nil
	}
	d, err := rd.c.store.Device(rd.ctx, rd.c.school, id)
	switch {
	case errors.Is(err, model.ErrNotFound) || err == nil && d.Name == "":
		d.Name = "a device without a name"
	case err != nil:
		return "", fmt.Errorf("reading a device: %w", err)
	}
	rd.devices[id] = d.Name
	return d.Name, nil
}

// person names a colleague in a sentence: "you", or their name.
func (rd *reader) person(id string) (string, error) {
	if id == rd.v.user.ID {
		return "you", nil
	}
	if name, ok := rd.users[id]; ok {
		return name, nil
	}
	u, err := rd.c.store.UserByID(rd.ctx, rd.c.school, id)
	switch {
	case errors.Is(err, model.ErrNotFound) || err == nil && u.Name == "":
		u.Name = "someone who has left"
	case err != nil:
		return "", fmt.Errorf("reading a user: %w", err)
	}
	rd.users[id] = u.Name
	return u.Name, nil
}

// category finds the words for a category; one that the rules no longer have
// is called by its id.
func (rd *reader) category(id string) Category {
	cat, ok := rd.c.cats.Category(id)
	if !ok || cat.Noun == "" {
		cat.Noun = strings.ReplaceAll(id, "-", " ")
	}
	if cat.Title == "" {
		cat.Title = capital(cat.Noun)
	}
	if len(cat.FirstSteps) == 0 {
		cat.FirstSteps = fallbackSteps
	}
	return cat
}

// taken says who is dealing with the alert, for a row: "With you since 10:47."
func (rd *reader) taken(a model.Alert) (string, error) {
	who, err := rd.person(a.AcknowledgedBy)
	if err != nil {
		return "", err
	}
	return "With " + who + " since " + when(a.Acknowledged, rd.now, rd.c.zone) + ".", nil
}

// state is a row's first words: what has been done about it.
func (rd *reader) state(a model.Alert) (string, error) {
	switch {
	case !a.Acknowledged.IsZero():
		return rd.taken(a)
	case a.FirstRead.IsZero():
		return "Not read yet.", nil
	}
	who, err := rd.person(a.ReadBy)
	if err != nil {
		return "", err
	}
	return "Nobody has taken it on yet. Read by " + who + " at " + when(a.FirstRead, rd.now, rd.c.zone) + ".", nil
}

// nameView is a covered name, or an uncovered one.
type nameView struct {
	Action string // where the press goes; empty: there is no account
	From   string // the page the press is on
	Hint   string // what a screen reader hears after "Show name"
	Name   string // empty: covered
	Gone   bool   // erased
}

func (rd *reader) name(s story, from, shown string) nameView {
	v := nameView{From: from, Hint: when(s.alert.First, rd.now, rd.c.zone) + " alert"}
	if v.Gone = !s.subject.Erased.IsZero(); v.Gone || nobody(s.subject) {
		return v
	}
	v.Action = "/a/" + s.alert.Ref + "/name"
	if shown == s.alert.Ref {
		v.Name = nameOf(s.subject)
	}
	return v
}

// nameOf is what an uncovered name says.
func nameOf(s model.Subject) string {
	switch {
	case !s.Erased.IsZero():
		return "Erased"
	case s.Unreadable:
		return "Cannot be read: its row in the database is damaged"
	case s.Account == "":
		return "No account"
	case !s.Known || s.Name == "":
		return "Account " + s.Account
	}
	return s.Name
}
