package store

import (
	"context"
	"fmt"
	"slices"

	"safelight/collector/model"
	"safelight/internal/event"
)

// toldAtOnce is the least severity that does not wait for the day's digest.
const toldAtOnce = event.High

const insertNotificationSQL = `INSERT INTO notifications (school_id, id, ref, user_id, why, channel, created, attempts, tried, accepted, failed, error)
	VALUES ($1, $2, $3, $4, $5, 'mail', $6, 0, 0, 0, 0, '')`

// tell makes a notification for each recipient of an alert; write makes their jobs. With
// nobody to tell the alert stands all the same, and IT learns that it could not
// be told, without learning of whom or what.
func (g *gathering) tell(ctx context.Context, a *gathered) error {
	subject, err := g.subject(ctx, a.Subject)
	if err != nil {
		return err
	}
	recipients, err := g.recipients(ctx, a.Subject, subject)
	if err != nil {
		return err
	}
	if len(recipients) == 0 {
		return noteHealth(ctx, g.tx, g.school, TopicNoRecipient,
			"an alert was raised and there is no user with the duty dsl or deputy who may be told: add one with `safelight-collector user add`", g.now)
	}
	if a.Severity < toldAtOnce {
		return nil
	}
	for _, user := range recipients {
		id := randomID()
		if _, err := g.hot.exec(ctx, insertNotification, string(g.school), id, a.Ref, user.ID, why(user.Duty), micros(g.now)); err != nil {
			return err
		}
		g.tellings[a.Severity] = append(g.tellings[a.Severity], id)
	}
	return nil
}

// recipients are those whom a pupil's alert is told to: the DSL and deputies,
// but never the subject, nor whoever is connected with them (G3).
func (g *gathering) recipients(ctx context.Context, id string, subject gatheredSubject) ([]model.User, error) {
	readers, err := g.readers(ctx)
	if err != nil {
		return nil, err
	}
	never, err := connected(ctx, g.tx, g.school, id)
	if err != nil {
		return nil, fmt.Errorf("reading with whom a subject is connected: %w", err)
	}
	never = append(never, subject.bare)
	var recipients []model.User
	for _, user := range readers {
		if now, before := ownLookups(g.keys, user); now == "" || !slices.Contains(never, now) && !slices.Contains(never, before) {
			recipients = append(recipients, user)
		}
	}
	return recipients, nil
}

// readers are the users who may see pupils' alerts, read once a transaction.
func (g *gathering) readers(ctx context.Context) ([]model.User, error) {
	if g.users != nil {
		return g.users, nil
	}
	users, err := listUsers(ctx, g.tx, g.school)
	if err != nil {
		return nil, fmt.Errorf("listing users: %w", err)
	}
	g.users = slices.DeleteFunc(users, func(u model.User) bool { return !mayRead(g.school, u) })
	if g.users == nil {
		g.users = []model.User{} // nobody, and known to be
	}
	return g.users, nil
}

func why(duty model.Duty) string {
	if duty == model.DutyDSL {
		return "DSL"
	}
	return string(duty)
}

// releasesATurn is how many held alerts one transaction opens, for each of which
// there may be somebody to tell.
const releasesATurn = 10

// release opens held alerts whose subject a roster has since named a pupil.
func (g *gathering) release(ctx context.Context, limit int) (int, error) {
	alerts, err := collect(ctx, g.tx, scanAlert, `SELECT `+alertColumns+` FROM releases r
		JOIN alerts a ON a.school_id = r.school_id AND a.ref = r.ref
		WHERE r.school_id = $1 ORDER BY a.severity DESC, a.raised LIMIT $2`, g.school, min(limit, releasesATurn))
	if err != nil {
		return 0, fmt.Errorf("finding released alerts: %w", err)
	}
	for _, a := range alerts {
		_, err := g.tx.ExecContext(ctx, `DELETE FROM releases WHERE school_id = $1 AND ref = $2`, g.school, a.Ref)
		if err != nil {
			return 0, fmt.Errorf("clearing released alert: %w", err)
		}
		subject, err := g.subject(ctx, a.Subject)
		if err != nil {
			return 0, err
		}
		if a.State == model.AlertHeld && subject.routable { // the roster may have changed again since
			a.State = model.AlertOpen
			opened := &gathered{Alert: a}
			g.byKey[opened.key()] = append(g.byKey[opened.key()], opened)
			g.touch(opened, func() {})
		}
	}
	return len(alerts), nil
}
