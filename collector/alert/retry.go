package alert

import (
	"time"

	"github.com/riverqueue/river/rivertype"

	"safelight/collector/alert/notify"
)

// maxAttempts is never reached within notify.GiveUpAfter; the queue wants a number.
const maxAttempts = 1000

// retryPolicy is notify.WaitAfter for the job queue.
type retryPolicy struct{ now func() time.Time }

func (p retryPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	return p.now().Add(notify.WaitAfter(job.Attempt))
}
