package policy_test

import (
	"context"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/collector/policy"
	"safelight/collector/store"
	"safelight/internal/pki"
)

// counted counts how often a file is read.
type counted struct {
	*store.Store
	read int
}

func (c *counted) Blob(ctx context.Context, school model.SchoolID, sha [32]byte) ([]byte, error) {
	c.read++
	return c.Store.Blob(ctx, school, sha)
}

// A table of millions of names is tens of megabytes: it is read when it changes, not
// at each sign that something may have.
func TestWhatIsInForceIsNotReadAgain(t *testing.T) {
	h := newHouse(t)
	key, err := pki.NewPolicyKey()
	must(t, err)
	c := &counted{Store: h.store}
	now := func() time.Time { return noon }
	p, err := policy.NewPublisher(t.Context(), school, key, shipped(t), c, now)
	must(t, err)
	_, err = p.Publish(t.Context(), pack(t, "flagged.test"), "u1", "because")
	must(t, err)
	before := c.read
	must(t, p.Reload(t.Context()))
	if c.read != before || before == 0 {
		t.Errorf("%d files were read before, %d after", before, c.read)
	}
	other, err := policy.NewPublisher(t.Context(), school, key, shipped(t), h.store, now)
	must(t, err)
	_, err = other.Publish(t.Context(), pack(t, "flagged.test"), "u1", "again")
	must(t, err)
	must(t, p.Reload(t.Context()))
	if _, serial := p.InForce(); serial != 2 || c.read == before {
		t.Errorf("serial %d is in force after another collector published", serial)
	}
}
