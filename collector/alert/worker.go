package alert

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"safelight/collector/alert/notify"
	"safelight/collector/model"
)

// notifyRecipient is the one kind of job there is: references, and nothing that
// says whom or what about.
type notifyRecipient struct {
	School         model.SchoolID `json:"school"`
	NotificationID string         `json:"notification"`
}

// Kind names the job in the queue's table.
func (notifyRecipient) Kind() string { return "notify_recipient" }

// errNotTold is all that the queue's table and log learn of a failure: what a
// mail server answers may hold an address. The notification knows more.
var errNotTold = errors.New("the recipient could not be told")

// errPanicked stands for what a panic said.
var errPanicked = errors.New("telling the recipient panicked")

type worker struct {
	river.WorkerDefaults[notifyRecipient]
	store    FailureStore
	notifier Notifier
	now      func() time.Time
}

// Work tells one recipient. After a day of failures it gives up, visibly.
func (w *worker) Work(ctx context.Context, job *river.Job[notifyRecipient]) error {
	err := w.notify(ctx, job.Args)
	if err == nil {
		return nil
	}
	if over(err) {
		return river.JobCancel(errNotTold)
	}
	now := w.now()
	if now.Add(notify.WaitAfter(job.Attempt)).Sub(job.CreatedAt) < notify.GiveUpAfter && job.Attempt < job.MaxAttempts {
		return errNotTold
	}
	// The job's own time may be up; that it failed must be noted all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), jobTimeout)
	defer cancel()
	text := fmt.Sprintf("given up after %d tries in a day", job.Attempt)
	if err := w.store.NotificationFailed(ctx, job.Args.School, job.Args.NotificationID, now, text); err != nil {
		return errors.Join(errNotTold, err) // tried, and noted, again later
	}
	return river.JobCancel(errNotTold)
}

// over says that trying again is no use: the notification is gone, or has been
// noted as failed.
func over(err error) bool {
	var failure *notify.Error
	return errors.Is(err, model.ErrNotFound) || errors.As(err, &failure) && failure.GiveUp
}

func (w *worker) notify(ctx context.Context, args notifyRecipient) (err error) {
	defer func() {
		if recover() != nil {
			err = errPanicked
		}
	}()
	return w.notifier.Notify(ctx, args.School, args.NotificationID)
}
