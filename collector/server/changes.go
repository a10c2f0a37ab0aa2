package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"safelight/collector/enrol"
	"safelight/collector/fleet"
	"safelight/collector/people"
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
	lays   *people.Overlays
	wake   func()
	// wakeLists has the lists that rules subscribe to looked for; nil: there are none.
	wakeLists func()
	// renewAbout has the About page written anew; nil: there is none.
	renewAbout func(context.Context) error
	log        *slog.Logger
	checks     *fleet.Checks // nil: nobody is asked to check anything
	now        chan struct{}
	topics     []topic

	seen map[string]int64 // by topic; look's only
}

// topic is what is done about one kind of change.
type topic struct {
	name string
	act  func(context.Context) error
}

func newChanges(s *store.Store, p *policy.Publisher, g *enrol.Gate, w *watch.Service, lays *people.Overlays, wake func(), log *slog.Logger) *changes {
	c := &changes{store: s, policy: p, gate: g, watch: w, lays: lays, wake: wake, log: log, now: make(chan struct{}, 1)}
	c.topics = []topic{
		{store.TopicDevices, c.devicesChanged}, // a revocation first
		{store.TopicPolicy, c.policyChanged},
		{store.TopicPeople, c.peopleChanged},
		{store.TopicOverlays, c.overlaysChanged},
		{store.TopicChecks, c.checksRequested},
	}
	return c
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

// look acts on every topic whose number moved, whatever becomes of the others. A
// topic counts as seen only when acting on it worked.
func (c *changes) look(ctx context.Context) error {
	numbers, err := c.store.Changes(ctx, schoolID)
	if err != nil {
		return fmt.Errorf("reading changes: %w", err)
	}
	if c.seen == nil {
		c.seen = map[string]int64{}
	}
	var failed error
	for _, topic := range c.topics {
		seen, known := c.seen[topic.name]
		if known && numbers[topic.name] == seen {
			continue
		}
		err := topic.act(ctx)
		if errors.Is(err, store.ErrAgain) {
			continue // nothing is wrong, but it is not done either
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("acting on a change of %s: %w", topic.name, err))
			continue
		}
		c.seen[topic.name] = numbers[topic.name]
	}
	return failed
}

func (c *changes) policyChanged(ctx context.Context) error {
	if err := c.policy.Reload(ctx); err != nil {
		return err
	}
	c.watch.PolicyChanged()
	if c.wakeLists != nil {
		c.wakeLists()
	}
	err := c.overlaysChanged(ctx) // the key that signs may be another one
	if c.renewAbout != nil {
		err = errors.Join(err, c.renewAbout(ctx))
	}
	return err
}

func (c *changes) overlaysChanged(ctx context.Context) error {
	if err := c.lays.Reload(ctx); err != nil {
		return err
	}
	c.watch.OverlaysChanged()
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
	ended, err := c.store.EndedKeys(ctx, schoolID)
	if err != nil {
		return err
	}
	c.gate.SetRevoked(revoked)
	c.gate.SetEnded(ended)
	return nil
}

func (c *changes) peopleChanged(ctx context.Context) error {
	c.wake()
	return c.store.FollowPeople(ctx, schoolID)
}
