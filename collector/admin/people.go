package admin

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"safelight/collector/model"
	"safelight/internal/event"
	"safelight/internal/pki"
)

// Look is the request of `events` and `alerts`.
type Look struct {
	As    string    `json:"as"`
	Since time.Time `json:"since"`
}

// person finds who --as means: the holder of a sign-in token or, in a trial
// school, a trial user by name.
func (a *Admin) person(ctx context.Context, as string) (model.User, error) {
	if as == "" {
		return model.User{}, usagef("this verb shows people: give --as with your sign-in token (in a trial school: a trial user's name)")
	}
	u, err := a.Store.UserByToken(ctx, a.School, pki.HashSecret(as))
	if errors.Is(err, a.NotFound) {
		u, err = a.trialUser(ctx, as)
	}
	switch {
	case errors.Is(err, a.NotFound):
		return model.User{}, usagef("--as: nobody signs in like this; give your sign-in token from `user add` (in a trial school: a trial user's name)")
	case err != nil:
		return model.User{}, fmt.Errorf("finding who --as means: %w", err)
	case u.Disabled:
		return model.User{}, usagef("--as: this person's access has ended")
	}
	return u, nil
}

func (a *Admin) trialUser(ctx context.Context, name string) (model.User, error) {
	school, err := a.Store.School(ctx, a.School)
	if err != nil {
		return model.User{}, err
	}
	u, err := a.Store.UserByName(ctx, a.School, name)
	if err == nil && (!school.Trial || !u.Trial) {
		return model.User{}, a.NotFound
	}
	return u, err
}

// look finds the person and records the look; only then may anything be read.
func (a *Admin) look(ctx context.Context, as, what string) (model.User, error) {
	u, err := a.person(ctx, as)
	if err != nil {
		return u, err
	}
	err = a.Store.RecordAccess(ctx, model.Access{School: a.School, At: a.Now(), User: u.ID, What: what, From: caller(ctx)})
	if err != nil {
		return u, fmt.Errorf("recording who looks: %w", err)
	}
	return u, nil
}

// EventLine is a line of `events`.
type EventLine struct {
	ID         string    `json:"id"`
	Device     string    `json:"device"`
	Epoch      string    `json:"epoch"`
	Lane       string    `json:"lane"`
	Seq        uint64    `json:"seq"`
	Time       time.Time `json:"time"`
	Received   time.Time `json:"received"`
	Kind       string    `json:"kind"`
	Name       string    `json:"name"`
	Via        string    `json:"via"`
	User       string    `json:"user"`
	Subject    string    `json:"subject"`
	Role       string    `json:"role"`
	Process    string    `json:"process"`
	Rule       string    `json:"rule"`
	Category   string    `json:"category"`
	Severity   string    `json:"severity"`
	Pack       string    `json:"pack"`
	Match      string    `json:"match"`
	DeviceName string    `json:"device_name"`
	IP         string    `json:"ip"`
	Site       string    `json:"site"`
	Outcome    string    `json:"outcome"`
	Late       bool      `json:"late"`
	// Unlisted says that the list in its rule does not hold the name: a device was
	// mistaken, and nobody was told.
	Unlisted bool `json:"unlisted,omitempty"`
	// Erased says that who and what was made unreadable for good.
	Erased bool `json:"erased,omitempty"`
	// Unreadable says that its words, or the account, cannot be opened: a row is damaged.
	Unreadable bool `json:"unreadable,omitempty"`
	event.Grounds
}

func (a *Admin) events(ctx context.Context, req Look) ([]EventLine, error) {
	u, err := a.look(ctx, req.As, "events")
	if err != nil {
		return nil, err
	}
	events, err := a.Store.EventsFor(ctx, a.School, u, req.Since)
	if err != nil {
		return nil, fmt.Errorf("reading events: %w", err)
	}
	names := a.lookups(ctx)
	lines := make([]EventLine, 0, len(events))
	for _, e := range events {
		s, err := names.subject(e.Subject)
		if err != nil {
			return nil, fmt.Errorf("reading events: %w", err)
		}
		d, err := names.device(e.Device)
		if err != nil {
			return nil, fmt.Errorf("reading events: %w", err)
		}
		lines = append(lines, EventLine{
			ID: uuid.UUID(e.ID).String(), Device: e.Device, Epoch: hex.EncodeToString(e.Place.SpoolEpoch),
			Lane: e.Place.Lane.String(), Seq: e.Place.Seq, Time: e.Observed.UTC(), Received: e.Received.UTC(),
			Kind: string(e.Kind), Name: e.Name, Via: string(e.Via), User: s.Account, Subject: s.ID, Role: string(s.Role),
			Process: e.Process, Rule: e.Rule, Category: e.Category, Severity: e.Severity.String(), Pack: e.Pack,
			Match: e.Match, DeviceName: d.Name, IP: e.IP, Site: d.Site, Outcome: string(e.Outcome), Late: e.Late, Unlisted: e.Unlisted,
			Erased: e.Erased && !e.Unreadable, Unreadable: e.Unreadable || s.Unreadable,
			Grounds: e.Grounds,
		})
	}
	return lines, nil
}

// Recipient is somebody who was told of an alert.
type Recipient struct {
	Who      string     `json:"who"`
	Why      string     `json:"why"`
	Channel  string     `json:"channel"`
	Sent     *time.Time `json:"sent"`
	Accepted *time.Time `json:"accepted"`
	Failed   *time.Time `json:"failed,omitempty"`
}

// AlertLine is a line of `alerts`.
type AlertLine struct {
	Ref          string      `json:"ref"`
	Raised       time.Time   `json:"raised"`
	Severity     string      `json:"severity"`
	Category     string      `json:"category"`
	Subject      string      `json:"subject"`
	Role         string      `json:"role"`
	Events       int         `json:"events"`
	State        string      `json:"state"`
	Recipients   []Recipient `json:"recipients"`
	DelayMS      *int64      `json:"delay_ms"`
	Late         bool        `json:"late"`
	Acknowledged *time.Time  `json:"acknowledged"`
	Escalations  []string    `json:"escalations"`
	Outcome      *string     `json:"outcome"`
	// Unreadable says that whose it is cannot be opened: their row is damaged.
	Unreadable bool `json:"unreadable,omitempty"`
}

func (a *Admin) alerts(ctx context.Context, req Look) ([]AlertLine, error) {
	u, err := a.look(ctx, req.As, "alerts")
	if err != nil {
		return nil, err
	}
	alerts, err := a.Store.AlertsFor(ctx, a.School, u, req.Since)
	if err != nil {
		return nil, fmt.Errorf("reading alerts: %w", err)
	}
	outcomes, err := a.Store.Outcomes(ctx, a.School, u)
	if err != nil {
		return nil, fmt.Errorf("reading alerts: %w", err)
	}
	names := a.lookups(ctx)
	lines := make([]AlertLine, 0, len(alerts))
	for _, al := range alerts {
		s, err := names.subject(al.Subject)
		if err != nil {
			return nil, fmt.Errorf("reading alerts: %w", err)
		}
		line := AlertLine{
			Ref: al.Ref, Raised: al.Raised.UTC(), Severity: al.Severity.String(), Category: al.Category, Subject: al.Subject,
			Role: string(s.Role), Events: al.Events, State: string(al.State), Late: al.Late,
			Acknowledged: timeOrNil(al.Acknowledged), Escalations: []string{}, Unreadable: s.Unreadable,
		}
		if outcome := string(outcomes[al.Ref]); outcome != "" {
			line.Outcome = &outcome
		}
		if line.Recipients, line.DelayMS, err = a.told(ctx, names, al); err != nil {
			return nil, fmt.Errorf("reading alerts: %w", err)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// told lists who was told of an alert, and the delay from the first event's
// observation to the first acceptance, in milliseconds.
func (a *Admin) told(ctx context.Context, names *lookups, al model.Alert) ([]Recipient, *int64, error) {
	notes, err := a.Store.Notifications(ctx, a.School, al.Ref)
	if err != nil {
		return nil, nil, err
	}
	told := []Recipient{}
	for _, n := range notes {
		who, err := names.user(n.User)
		if err != nil {
			return nil, nil, err
		}
		told = append(told, Recipient{
			Who: who.Name, Why: n.Why, Channel: n.Channel, Sent: timeOrNil(n.Tried),
			Accepted: timeOrNil(n.Accepted), Failed: timeOrNil(n.Failed),
		})
	}
	delay, ok := model.Delay(al, notes)
	if !ok {
		return told, nil, nil
	}
	ms := delay.Milliseconds()
	return told, &ms, nil
}

// lookups reads each subject, device and user once per answer.
type lookups struct {
	subject func(id string) (model.Subject, error)
	device  func(id string) (model.Device, error)
	user    func(id string) (model.User, error)
}

func (a *Admin) lookups(ctx context.Context) *lookups {
	return &lookups{
		subject: once(func(id string) (model.Subject, error) { return a.Store.Subject(ctx, a.School, id) }),
		device:  once(func(id string) (model.Device, error) { return a.Store.Device(ctx, a.School, id) }),
		user:    once(func(id string) (model.User, error) { return a.Store.UserByID(ctx, a.School, id) }),
	}
}

func once[T any](read func(string) (T, error)) func(string) (T, error) {
	seen := map[string]T{}
	return func(id string) (T, error) {
		if v, ok := seen[id]; ok {
			return v, nil
		}
		v, err := read(id)
		if err == nil {
			seen[id] = v
		}
		return v, err
	}
}
