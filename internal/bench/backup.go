package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"safelight/collector/model"
	"safelight/collector/store"
	"safelight/internal/event"
)

// filler makes events for a store and commits them, batch by batch.
type filler struct {
	store *store.Store
	made  uint64
}

func (f *filler) commit(ctx context.Context, n int) error {
	now := time.Now()
	events := make([]model.Event, n)
	for i := range events {
		f.made++
		e := model.Event{
			School: "bench", Device: fmt.Sprint("device-", f.made%200), Place: model.Place{SpoolEpoch: []byte("epoch"), Lane: event.High, Seq: f.made},
			Observed: now, Received: now, Kind: event.Domain, Name: "example.test", Via: event.ViaTLS, Outcome: model.OutcomeConnected,
			Account: fmt.Sprint("demo.pupil.", f.made%1000), Rule: "gambling/example.test", Category: "gambling", Severity: event.High,
			Pack: "starter 1", Match: "example.test", Why: "a site on the list", Count: 1,
		}
		binary.BigEndian.PutUint64(e.ID[8:], f.made)
		digest := sha256.Sum256(e.ID[:])
		e.Digest = digest[:]
		events[i] = e
	}
	_, err := f.store.AppendRecords(ctx, "bench", model.Batch{Events: events})
	return err
}

// slowest commits small batches until enough says so, and gives the longest that one
// took.
func (f *filler) slowest(ctx context.Context, enough func() bool) (worst time.Duration, err error) {
	for !enough() {
		began := time.Now()
		if err := f.commit(ctx, 20); err != nil {
			return 0, err
		}
		worst = max(worst, time.Since(began))
	}
	return worst, nil
}

// besideBackups measures what a backup costs those who wait for an acknowledgement:
// the slowest commit while a snapshot is taken, and as long without one. Others'
// work on the machine is in both, and in a round or two by chance in one of them.
func besideBackups(ctx context.Context, _ string) (rows []row, err error) {
	const stored, rounds = 200_000, 5
	dir, err := os.MkdirTemp("", "sl-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	database := filepath.Join(dir, "safelight.db")
	s, err := store.Open(ctx, database)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.EnsureSchool(ctx, model.School{ID: "bench", Name: "Bench", Created: time.Now()}); err != nil {
		return nil, err
	}
	f := &filler{store: s}
	for f.made < stored {
		if err := f.commit(ctx, 500); err != nil {
			return nil, err
		}
	}
	var longer []time.Duration
	var each []string
	for n := range rounds {
		took, beside, err := f.besideOne(ctx, database, filepath.Join(dir, fmt.Sprint("snapshot-", n)))
		if err != nil {
			return nil, err
		}
		began := time.Now()
		calm, err := f.slowest(ctx, func() bool { return time.Since(began) > took })
		if err != nil {
			return nil, err
		}
		longer = append(longer, beside-calm)
		each = append(each, fmt.Sprintf("%.0f and %.0f", ms(beside), ms(calm)))
	}
	slices.Sort(longer)
	return []row{{
		"slowest commit beside a backup of 200,000 events, longer than without one", fmt.Sprintf("%.0f ms (median of %d rounds)", ms(longer[rounds/2]), rounds), "50 ms",
		"beside it and without: " + strings.Join(each, ", ") + " ms",
	}}, nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// besideOne gives how long a snapshot took and the slowest commit beside it.
func (f *filler) besideOne(ctx context.Context, database, to string) (took, worst time.Duration, err error) {
	done := make(chan struct{})
	var failed error // once done is closed
	began := time.Now()
	go func() {
		defer close(done)
		failed = store.Snapshot(ctx, database, to)
	}()
	worst, err = f.slowest(ctx, func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
	<-done
	return time.Since(began), worst, errors.Join(err, failed)
}
