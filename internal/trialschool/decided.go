package trialschool

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"safelight/collector/model"
	"safelight/collector/store"
)

// Decide makes, before New, a store whose school has taken the decisions that
// end the trial (G12), for benchmarks and simulated fleets of invented people.
// No verb and no setting of the product does this.
func Decide(ctx context.Context, collectorDir string) (err error) {
	if err := os.MkdirAll(collectorDir, 0o700); err != nil {
		return err
	}
	st, err := store.Open(ctx, filepath.Join(collectorDir, "safelight.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return st.EnsureSchool(ctx, model.School{ID: "school", Name: "Invented school", Trial: false, Created: time.Now()})
}
