package store

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// ahead says which alerts a gathering has read ahead: every one of these
// subjects that an event between from and to could extend.
type ahead struct {
	subjects map[string]bool
	from, to time.Time
}

func (a *ahead) covers(row *pendingRow) bool {
	return a.subjects[row.subject] && !row.observed.Before(a.from) && !row.observed.After(a.to)
}

// lookAhead reads the alerts that most of the rows may belong to, all
// in one query. Rows far from the rest in time are left to a query of
// their own, so that a device with an odd clock does not bring years of alerts
// in.
func (g *gathering) lookAhead(ctx context.Context, rows []pendingRow) error {
	if len(rows) < aheadRows {
		return nil
	}
	times := make([]time.Time, len(rows))
	for i := range rows {
		times[i] = rows[i].observed
	}
	slices.SortFunc(times, time.Time.Compare)
	middle := times[len(times)/2]
	g.ahead = ahead{subjects: make(map[string]bool), from: middle.Add(-Window), to: middle.Add(Window)}
	var subjects []string
	for i := range rows {
		if id := rows[i].subject; !g.ahead.subjects[id] {
			g.ahead.subjects[id] = true
			subjects = append(subjects, id)
		}
	}
	found, err := handedRows(ctx, g.hot, findAlerts, scanAlert,
		[]any{string(g.school), micros(g.ahead.from.Add(-Window)), micros(g.ahead.to.Add(Window))}, subjects)
	if err != nil {
		return fmt.Errorf("finding alerts: %w", err)
	}
	for _, alert := range found {
		g.hold(alert)
	}
	return nil
}
