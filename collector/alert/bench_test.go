package alert

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"safelight/collector/model"
	"safelight/internal/event"
)

// BenchmarkInsertJobs puts the jobs of 50 tellings into the queue.
func BenchmarkInsertJobs(b *testing.B) {
	s := openStore(b, filepath.Join(b.TempDir(), "safelight.db"))
	jobs := newJobs(b, s, notifyFunc(func(context.Context, model.SchoolID, string) error { return nil }))
	ids := make([]string, 50)
	for i := range ids {
		ids[i] = fmt.Sprint("id-", i)
	}
	for b.Loop() {
		tx, err := s.DB().Begin()
		must(b, err)
		must(b, jobs.Insert(b.Context(), tx, school, event.Urgent, ids))
		must(b, tx.Commit())
	}
}
