package alert

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// asked is an executor that counts how often it is asked for jobs.
type asked struct {
	riverdriver.Executor
	times int
	jobs  []*rivertype.JobRow
	err   error
}

func (a *asked) JobGetAvailable(context.Context, *riverdriver.JobGetAvailableParams) ([]*rivertype.JobRow, error) {
	a.times++
	return a.jobs, a.err
}

func TestAnIdleQueueLeavesTheWriteConnectionAloneAndMissesNothing(t *testing.T) {
	now := time.Date(2027, 3, 4, 12, 0, 0, 0, time.UTC)
	base := &asked{}
	n := &news{now: func() time.Time { return now }}
	e := sparingExecutor{base, n}
	fetch := func(queue string, want int, when string) {
		t.Helper()
		base.times = 0
		if _, err := e.JobGetAvailable(t.Context(), &riverdriver.JobGetAvailableParams{Queue: queue}); !errors.Is(err, base.err) {
			t.Fatal(err)
		}
		if base.times != want {
			t.Errorf("%s: the database was asked %d times, want %d", when, base.times, want)
		}
	}
	fetch(queueUrgent, 1, "at start")
	fetch(queueUrgent, 0, "found empty")
	fetch(queueBulk, 1, "another queue")
	n.put(queueUrgent)
	fetch(queueUrgent, 1, "after a job was put in")
	fetch(queueUrgent, 0, "found empty again")
	n.put(queueUrgent)
	base.jobs = []*rivertype.JobRow{{}}
	fetch(queueUrgent, 1, "after many jobs were put in")
	fetch(queueUrgent, 1, "while there may be more")
	base.jobs, base.err = nil, errors.New("busy")
	fetch(queueUrgent, 1, "failing")
	base.err = nil
	fetch(queueUrgent, 1, "after it failed")
	now = now.Add(askEvery)
	fetch(queueUrgent, 1, "for what the queue itself makes due")
	now = now.Add(-time.Hour)
	fetch(queueUrgent, 1, "with the clock set back")
}
