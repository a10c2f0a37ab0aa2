package alert

import (
	"time"

	"github.com/riverqueue/river/rivertype"
)

// giveUpAfter is how long a telling is tried: a mail server that is down over a
// day's end is up again the next morning, and after a day somebody must see the
// failure.
const giveUpAfter = 24 * time.Hour

// maxAttempts is never reached within giveUpAfter; the queue wants a number.
const maxAttempts = 1000

// waits are how long to wait after the first, second ... failed try; after the
// last it stays at that. Quick first, for most failures last seconds.
var waits = [...]time.Duration{
	5 * time.Second, 15 * time.Second, time.Minute, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute,
}

// waitAfter is how long to wait after the failed try of this number, from 1.
func waitAfter(attempt int) time.Duration {
	return waits[min(max(attempt, 1), len(waits))-1]
}

// retryPolicy is waitAfter for the job queue.
type retryPolicy struct{ now func() time.Time }

func (p retryPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	return p.now().Add(waitAfter(job.Attempt))
}
