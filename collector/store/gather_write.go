package store

import (
	"context"
	"fmt"

	"safelight/collector/model"
	"safelight/internal/event"
)

// refTries is how often a random reference is drawn again. With 40 random bits
// and a million alerts one draw in a million collides.
const refTries = 8

// write writes the alerts that changed and tells whom there is to tell.
func (g *gathering) write(ctx context.Context) error {
	if err := g.writeAlerts(ctx); err != nil {
		return err
	}
	for _, a := range g.touched {
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

// writeAlerts raises the new alerts and writes the others down, those in one
// statement.
func (g *gathering) writeAlerts(ctx context.Context) error {
	var ref, state, device []string
	var severity, events, first, last, late []int64
	for _, a := range g.touched {
		if a.fresh {
			if err := g.raise(ctx, a); err != nil {
				return err
			}
			continue
		}
		ref, state, device = append(ref, a.Ref), append(state, string(a.State)), append(device, a.Device)
		severity, events, late = append(severity, int64(a.Severity)), append(events, int64(a.Events)), append(late, flag(a.Late))
		first, last = append(first, micros(a.First)), append(last, micros(a.Last))
	}
	if len(ref) == 0 {
		return nil
	}
	written, err := g.hot.execRows(ctx, writeAlerts, []any{string(g.school)}, ref, severity, state, events, first, last, device, late)
	if err != nil {
		return fmt.Errorf("writing alerts: %w", err)
	}
	if written != int64(len(ref)) {
		return errOvertaken // one was taken on since it was read: what is new is another alert
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

// link notes which alert each event is in.
func (g *gathering) link(ctx context.Context, rows []pendingRow) error {
	if len(rows) == 0 {
		return nil
	}
	refs, devices, ids := make([]string, len(rows)), make([]string, len(rows)), make([][]byte, len(rows))
	for i := range rows {
		refs[i], devices[i], ids[i] = rows[i].alert.Ref, rows[i].device, rows[i].id
	}
	if _, err := g.hot.execRows(ctx, linkEvents, []any{string(g.school)}, refs, devices, ids); err != nil {
		return fmt.Errorf("linking events: %w", err)
	}
	return nil
}
