package server

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"safelight/collector/store"
)

// While keys are being changed, or one thing cannot be acted on, a revocation and new
// rules must still reach devices within seconds.
func TestOneTopicThatWaitsOrFailsHoldsUpNoOther(t *testing.T) {
	s := openSchool(t, filepath.Join(t.TempDir(), "d"))
	defer closeState(t, s)
	c := newChanges(s.store, nil, nil, nil, nil, nil, slog.New(slog.DiscardHandler))
	var acted []string
	fails := map[string]error{store.TopicPeople: store.ErrAgain, store.TopicDevices: errors.New("a canary")}
	for i, topic := range c.topics {
		c.topics[i].act = func(context.Context) error {
			acted = append(acted, topic.name)
			return fails[topic.name]
		}
	}
	look := func(want ...string) error {
		t.Helper()
		acted = nil
		err := c.look(t.Context())
		if slices.Sort(acted); !slices.Equal(acted, want) {
			t.Errorf("acted on %v, want %v", acted, want)
		}
		return err
	}
	var all []string
	for _, topic := range c.topics {
		all = append(all, topic.name)
	}
	slices.Sort(all)
	if err := look(all...); err == nil || !strings.Contains(err.Error(), "canary") || errors.Is(err, store.ErrAgain) {
		t.Errorf("error = %v, want the one that failed only", err)
	}
	delete(fails, store.TopicDevices)
	if err := look(store.TopicDevices, store.TopicPeople); err != nil {
		t.Errorf("what is only to be done again is called a failure: %v", err)
	}
	clear(fails)
	if err := look(store.TopicPeople); err != nil {
		t.Error(err)
	}
	if err := look(); err != nil {
		t.Error(err)
	}
}
