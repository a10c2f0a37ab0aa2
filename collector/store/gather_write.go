package store

import (
	"context"
	"fmt"
	"slices"

	"safelight/collector/model"
	"safelight/internal/event"
)

// refTries is how often a random reference is drawn again. With 40 random bits
// and a million alerts one draw in a million collides.
const refTries = 8

// write writes the alerts that changed and tells whom there is to tell.
func (g *gathering) write(ctx context.Context) error {
	for _, a := range g.touched {
		if err := g.writeAlert(ctx, a); err != nil {
			return err
		}
		if a.State == model.AlertOpen && a.Severity > a.told {
			if err := g.tell(ctx, a); err != nil {
				return fmt.Errorf("telling of alert: %w", err)
			}
		}
	}
	if len(g.touched) == 0 {
		return nil
	}
	for severity, ids := range g.tellings {
		if len(ids) == 0 {
			continue
		}
		if err := g.insertJobs(ctx, g.tx, g.school, event.Severity(severity), ids); err != nil {
			return fmt.Errorf("telling of alerts: %w", err)
		}
	}
	return bump(ctx, g.tx, g.school, TopicAlerts)
}

func (g *gathering) writeAlert(ctx context.Context, a *gathered) error {
	if a.fresh {
		return g.raise(ctx, a)
	}
	written, err := affected(g.hot.exec(ctx, writeAlert, string(g.school), a.Ref, int64(a.Severity), string(a.State), a.Events,
		micros(a.First), micros(a.Last), a.Device, flag(a.Late)))
	if err != nil {
		return fmt.Errorf("writing alert: %w", err)
	}
	if !written {
		return errOvertaken // taken on since it was read: what is new is another alert
	}
	return nil
}

func (g *gathering) raise(ctx context.Context, a *gathered) error {
	for range refTries {
		a.Ref = randomRef()
		added, err := affected(g.hot.exec(ctx, raiseAlert, string(g.school), a.Ref, a.Subject, a.Category, int64(a.Severity), string(a.State),
			a.Events, micros(a.Raised), micros(a.First), micros(a.Last), a.Device, flag(a.Late)))
		if err != nil {
			return fmt.Errorf("raising alert: %w", err)
		}
		if added {
			return nil
		}
	}
	return fmt.Errorf("raising alert: %d random references in a row were taken", refTries)
}

// link notes which alert each event is in, several events a statement.
func (g *gathering) link(ctx context.Context, rows []pendingRow) error {
	for some := range slices.Chunk(rows, linksAtOnce) {
		args := make([]any, 0, 1+3*linksAtOnce)
		args = append(args, string(g.school))
		for i := range some {
			args = append(args, some[i].alert.Ref, some[i].device, some[i].id)
		}
		if len(some) == linksAtOnce {
			if _, err := g.hot.exec(ctx, linkEvents, args...); err != nil {
				return fmt.Errorf("linking events: %w", err)
			}
			continue
		}
		for i := range some {
			if _, err := g.hot.exec(ctx, linkEvent, string(g.school), some[i].alert.Ref, some[i].device, some[i].id); err != nil {
				return fmt.Errorf("linking event: %w", err)
			}
		}
	}
	return nil
}
