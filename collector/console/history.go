package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"safelight/collector/model"
)

// toldLine says who was told and whether it arrived.
type toldLine struct{ Who, Duty, When, State string }

// happened is one step of an alert's story.
type happened struct {
	At   time.Time
	When string
	Text string
	You  bool
}

// history gathers who was told, and what happened, newest first.
func (rd *reader) history(s story) ([]toldLine, []happened, error) {
	notes, err := rd.c.store.Notifications(rd.ctx, rd.c.school, s.alert.Ref)
	if err != nil {
		return nil, nil, fmt.Errorf("reading who was told: %w", err)
	}
	slices.SortStableFunc(notes, func(a, b model.Notification) int { return rd.mine(b) - rd.mine(a) })
	var told []toldLine
	for _, n := range notes {
		who, err := rd.person(n.User)
		if err != nil {
			return nil, nil, err
		}
		told = append(told, toldLine{Who: capital(who), Duty: n.Why, When: when(n.Created, rd.now, rd.c.zone), State: rd.toldState(n)})
	}
	events, err := rd.happened(s, notes)
	return told, events, err
}

// mine puts the reader before the others.
func (rd *reader) mine(n model.Notification) int {
	if n.User == rd.v.user.ID {
		return 1
	}
	return 0
}

func (rd *reader) toldState(n model.Notification) string {
	at := func(t time.Time) string { return when(t, rd.now, rd.c.zone) }
	switch {
	case !n.Accepted.IsZero():
		return "Mail accepted " + at(n.Accepted) + "."
	case !n.Failed.IsZero():
		return "The mail was not accepted; given up " + at(n.Failed) + ". Tell them another way."
	case n.Attempts > 0:
		return "The mail is not accepted yet: tried " + strings.ToLower(times(n.Attempts)) + " It is tried again for a day."
	}
	return "The mail is on its way."
}

func (rd *reader) happened(s story, notes []model.Notification) ([]happened, error) {
	var out []happened
	add := func(at time.Time, you bool, text string) {
		if !at.IsZero() {
			out = append(out, happened{At: at, When: when(at, rd.now, rd.c.zone), Text: text, You: you})
		}
	}
	a := s.alert
	for _, step := range []struct {
		at   time.Time
		by   string
		text string
	}{{a.Acknowledged, a.AcknowledgedBy, " took this on."}, {a.FirstRead, a.ReadBy, " read this alert, the first to do so."}} {
		if step.at.IsZero() {
			continue
		}
		who, err := rd.person(step.by)
		if err != nil {
			return nil, err
		}
		add(step.at, step.by == rd.v.user.ID, capital(who)+step.text)
	}
	if first := model.FirstAccepted(notes); !first.IsZero() {
		add(first, false, "The first mail was accepted, "+duration(first.Sub(s.alert.First))+" after it was seen.")
	}
	if a.Events > 1 {
		add(a.Last, false, "Seen again; "+strings.ToLower(strings.TrimSuffix(times(a.Events), "."))+" in all.")
	}
	add(a.First, false, "A rule matched what was seen; it reached us in "+duration(reached(s))+".")
	slices.SortStableFunc(out, func(a, b happened) int { return b.At.Compare(a.At) })
	return out, nil
}

// reached is how long the first event took from the device to the collector.
func reached(s story) time.Duration {
	first := s.lead
	for _, e := range s.events {
		if e.Observed.Before(first.Observed) {
			first = e
		}
	}
	return max(0, first.Received.Sub(first.Observed))
}
