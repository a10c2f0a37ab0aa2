package server

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"safelight/collector/enrol"
	"safelight/collector/policy"
	"safelight/collector/store"
	"safelight/collector/watch"
)

// pollChanges is how often the changes table is read: it is how a collector
// learns what another one on the same database did.
const pollChanges = 250 * time.Millisecond

// changes brings into this process what changed in the store: a new policy, a
// revocation, a roster.
type changes struct {
	store  *store.Store
	policy *policy.Publisher
	gate   *enrol.Gate
	watch  *watch.Service
	wake   func()
	log    *slog.Logger
	now    chan struct{}

	seen map[string]int64 // by topic; look's only
}

func newChanges(s *store.Store, p *policy.Publisher, g *enrol.Gate, w *watch.Service, wake func(), log *slog.Logger) *changes {
	return &changes{store: s, policy: p, gate: g, watch: w, wake: wake, log: log, now: make(chan struct{}, 1)}
}

// poke has look called soon.
func (c *changes) poke() {
	select {
	case c.now <- struct{}{}:
	default:
	}
}

func (c *changes) run(ctx context.Context) error {
	tick := time.NewTicker(pollChanges)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-c.now:
		}
		err := c.look(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			c.log.ErrorContext(ctx, "looking for changes failed, trying again", "error", err.Error())
		}
		failing = err != nil
	}
}

// look acts on every topic whose number moved. A topic counts as seen only
// when acting on it worked.
func (c *changes) look(ctx context.Context) error {
	numbers, err := c.store.Changes(ctx, schoolID)
	if err != nil {
		return fmt.Errorf("reading changes: %w", err)
	}
	first := c.seen == nil
	if first {
		c.seen = map[string]int64{}
	}
	for topic, act := range map[string]func(context.Context) error{
		store.TopicPolicy: c.policyChanged, store.TopicDevices: c.devicesChanged, store.TopicPeople: c.peopleChanged,
	} {
		if !first && numbers[topic] == c.seen[topic] {
			continue
		}
		if err := act(ctx); err != nil {
			return fmt.Errorf("acting on a change of %s: %w", topic, err)
		}
		c.seen[topic] = numbers[topic]
	}
	return nil
}

func (c *changes) policyChanged(ctx context.Context) error {
	if err := c.policy.Reload(ctx); err != nil {
		return err
	}
	c.watch.PolicyChanged()
	return nil
}

func (c *changes) devicesChanged(ctx context.Context) error {
	devices, err := c.store.Devices(ctx, schoolID)
	if err != nil {
		return err
	}
	var revoked []string
	for _, d := range devices {
		if !d.Revoked.IsZero() {
			revoked = append(revoked, d.ID)
		}
	}
	c.gate.SetRevoked(revoked)
	return nil
}

func (c *changes) peopleChanged(ctx context.Context) error {
	c.wake()
	return c.store.FollowPeople(ctx, schoolID)
}
