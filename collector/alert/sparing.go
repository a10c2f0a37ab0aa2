package alert

import (
	"context"
	"database/sql"
	"sync"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// On SQLite the job queue finds what is new by asking, each pollEvery, and asks on
// the one writing connection that everybody else waits for. Whoever puts jobs in
// is in this process, though: as long as nothing was put in the answer is known,
// and the database is asked each askEvery only, for what the queue itself makes
// due (a second try, a job whose worker was lost).

// askEvery is how long a job that the queue itself makes due may wait.
const askEvery = time.Second

// news knows of which queues the database may hold a job to be done. The zero
// value knows nothing, and has all of them asked.
type news struct {
	now func() time.Time

	mu    sync.Mutex
	known map[string]time.Time // queues that were found empty, and when
}

// put says that a transaction that holds the connection has put a job in: whoever
// asks from here on waits for its end.
func (n *news) put(queue string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.known, queue)
}

// ask says whether a queue is worth asking about; who does tells what they found.
func (n *news) ask(queue string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	found, known := n.known[queue]
	now := n.now()
	if known && now.Sub(found) < askEvery && !now.Before(found) {
		return false
	}
	if n.known == nil {
		n.known = map[string]time.Time{}
	}
	n.known[queue] = now // unless something is put in meanwhile, or found
	return true
}

// sparing is SQLite's driver of the queue, which asks only about what is worth it.
type sparing struct {
	riverdriver.Driver[*sql.Tx]
	news *news
}

// GetExecutor implements riverdriver.Driver.
func (d sparing) GetExecutor() riverdriver.Executor {
	return sparingExecutor{d.Driver.GetExecutor(), d.news}
}

type sparingExecutor struct {
	riverdriver.Executor
	news *news
}

// JobGetAvailable implements riverdriver.Executor.
func (e sparingExecutor) JobGetAvailable(ctx context.Context, params *riverdriver.JobGetAvailableParams) ([]*rivertype.JobRow, error) {
	if !e.news.ask(params.Queue) {
		return nil, nil
	}
	jobs, err := e.Executor.JobGetAvailable(ctx, params)
	if err != nil || len(jobs) > 0 { // there may be more
		e.news.put(params.Queue)
	}
	return jobs, err
}
