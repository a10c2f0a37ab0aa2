package store

import (
	"context"
	"fmt"
	"time"

	"safelight/collector/model"
)

const notificationColumns = `school_id, id, ref, user_id, why, channel, created, attempts, tried, accepted, failed, error`

func scanNotification(row scanner) (model.Notification, error) {
	var n model.Notification
	var created, tried, accepted, failed int64
	err := row.Scan(&n.School, &n.ID, &n.Alert, &n.User, &n.Why, &n.Channel, &created, &n.Attempts, &tried, &accepted, &failed, &n.Error)
	n.Created, n.Tried, n.Accepted, n.Failed = moment(created), moment(tried), moment(accepted), moment(failed)
	return n, err
}

// Notifications lists whom an alert was told to, oldest first.
func (s *Store) Notifications(ctx context.Context, school model.SchoolID, ref string) ([]model.Notification, error) {
	all, err := collect(ctx, s.reader, scanNotification, `SELECT `+notificationColumns+` FROM notifications
		WHERE school_id = $1 AND ref = $2 ORDER BY created, id`, school, ref)
	if err != nil {
		return nil, fmt.Errorf("listing notifications: %w", err)
	}
	return all, nil
}

// NotificationByID reads one notification.
func (s *Store) NotificationByID(ctx context.Context, school model.SchoolID, id string) (model.Notification, error) {
	n, err := scanNotification(s.reader.QueryRowContext(ctx, `SELECT `+notificationColumns+` FROM notifications
		WHERE school_id = $1 AND id = $2`, school, id))
	if err != nil {
		return model.Notification{}, fmt.Errorf("reading notification: %w", missing(err))
	}
	return n, nil
}

// NotificationTried notes a try that failed and will be made again. errText
// carries no names.
func (s *Store) NotificationTried(ctx context.Context, school model.SchoolID, id string, now time.Time, errText string) error {
	return s.noteTry(ctx, `UPDATE notifications SET attempts = attempts + 1, tried = $3, error = $4
		WHERE school_id = $1 AND id = $2 AND accepted = 0`, school, id, now, errText)
}

// NotificationAccepted notes that the recipient's channel took it. The first
// time stays.
func (s *Store) NotificationAccepted(ctx context.Context, school model.SchoolID, id string, now time.Time) error {
	return s.noteTry(ctx, `UPDATE notifications SET attempts = attempts + 1, tried = $3, error = $4, failed = 0,
		accepted = CASE WHEN accepted = 0 THEN $3 ELSE accepted END
		WHERE school_id = $1 AND id = $2`, school, id, now, "")
}

// NotificationFailed gives a notification up, visibly. One that was accepted
// stays accepted.
func (s *Store) NotificationFailed(ctx context.Context, school model.SchoolID, id string, now time.Time, errText string) error {
	return s.noteTry(ctx, `UPDATE notifications SET failed = $3, error = $4
		WHERE school_id = $1 AND id = $2 AND accepted = 0`, school, id, now, errText)
}

func (s *Store) noteTry(ctx context.Context, query string, school model.SchoolID, id string, now time.Time, errText string) error {
	result, err := s.writer.ExecContext(ctx, query, school, id, micros(now), errText)
	if err := changedOne(result, err); err != nil {
		return fmt.Errorf("noting a notification's try: %w", err)
	}
	return nil
}

// FailedNotifications lists those that were given up, newest first.
func (s *Store) FailedNotifications(ctx context.Context, school model.SchoolID) ([]model.Notification, error) {
	all, err := collect(ctx, s.reader, scanNotification, `SELECT `+notificationColumns+` FROM notifications
		WHERE school_id = $1 AND failed > 0 ORDER BY failed DESC, id`, school)
	if err != nil {
		return nil, fmt.Errorf("listing failed notifications: %w", err)
	}
	return all, nil
}
