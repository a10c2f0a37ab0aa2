package pipeline_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"safelight/agent/pipeline"
	"safelight/agent/source"
	"safelight/agent/spool"
	"safelight/internal/event"
	"safelight/internal/rules"
	"safelight/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const testPack = `category: test
title: Test
noun: test
about: Sites made up for tests.
purpose: safeguarding
risk: ordinary
severity: high
owner: Designated Safeguarding Lead
why: Somebody has to notice.
action: {pupil: alert, adult-learner: note}
domains: [flagged.test]
first_steps: [See the pupil in person.]
tests:
  hit: [{domain: flagged.test}]
  miss: [{domain: example.org}]
`

func ruleset(t testing.TB) *rules.Ruleset {
	t.Helper()
	set, err := rules.Compile(map[string][]byte{
		"protected/pack.yaml": []byte("pack: protected\ntitle: What no rule may flag\nversion: 1\n"),
		"protected/help.yaml": []byte("protected: help\ntitle: Help\nwhy: Looking for help is no harm.\ndomains: [nhs.uk]\n"),
		"starter/pack.yaml":   []byte("pack: starter\ntitle: Test pack\nversion: 1\n"),
		"starter/test.yaml":   []byte(testPack),
	})
	must(t, err)
	return set
}

// write is one Append.
type write struct {
	names       []string // of its events
	checkpoints map[string]string
}

// disk is a spool that remembers its writes and fails while err is set.
type disk struct {
	mu     sync.Mutex // guards all below
	err    error
	tries  int
	writes []write
	events []wire.Event
}

func (d *disk) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

func (d *disk) Append(records []spool.Record, checkpoints map[string][]byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.tries++; d.err != nil {
		return d.err
	}
	w := write{checkpoints: map[string]string{}}
	for _, r := range records {
		e, err := wire.Unmarshal(r.Data)
		if err != nil {
			return err
		}
		if e.Severity != event.Severity(r.Lane) {
			return fmt.Errorf("an event of severity %s in lane %d", e.Severity, r.Lane)
		}
		w.names = append(w.names, e.Name)
		d.events = append(d.events, e)
	}
	for source, cp := range checkpoints {
		w.checkpoints[source] = string(cp)
	}
	d.writes = append(d.writes, w)
	return nil
}

func (d *disk) written() []write {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]write(nil), d.writes...)
}

// names lists every event written, in order.
func (d *disk) names() []string {
	var all []string
	for _, w := range d.written() {
		all = append(all, w.names...)
	}
	return all
}

// places are the checkpoints a restart would find.
func (d *disk) places() map[string]string {
	all := map[string]string{}
	for _, w := range d.written() {
		maps.Copy(all, w.checkpoints)
	}
	return all
}

// roles answers the pupil's scope for everybody but the accounts in it.
type roles map[string]string

func (r roles) Who(account string) pipeline.Person {
	if role, ok := r[account]; ok {
		return pipeline.Person{Role: role, Groups: []string{"10b"}, Site: "main"}
	}
	return pipeline.Person{Year: "9"}
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// house is a pipeline over a disk.
type house struct {
	*pipeline.Pipeline
	disk   *disk
	logged *lockedBuilder
}

type lockedBuilder struct {
	mu sync.Mutex // guards b
	b  strings.Builder
}

func (l *lockedBuilder) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuilder) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newHouse(t testing.TB) *house {
	h := &house{disk: &disk{}, logged: &lockedBuilder{}}
	h.Pipeline = pipeline.New(parts(t, h.disk, h.logged))
	return h
}

func parts(t testing.TB, s pipeline.Spool, logged *lockedBuilder) pipeline.Parts {
	set := ruleset(t)
	return pipeline.Parts{
		Policy: func(judge func(*rules.Ruleset, uint64, uint64)) { judge(set, 3, 14) },
		Roles:  roles{"adult": "adult-learner", "teacher": "staff"},
		Spool:  s,
		Clock:  func() (time.Time, string, time.Duration) { return noon, "boot", 90 * time.Second },
		Log:    slog.New(slog.NewTextHandler(logged, nil)),
	}
}

// start runs the pipeline; stop ends it and waits.
func (h *house) start(t testing.TB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		must(t, <-done)
	}
}

// visit is a line of a log; checkpoint is the place after it.
func visit(host, checkpoint string) source.Observed {
	o := source.Observed{Observation: event.Observation{
		Time: noon, Kind: event.Domain, Name: host, Via: event.ViaLog, User: "pupil14",
	}}
	if checkpoint != "" {
		o.Checkpoint = []byte(checkpoint)
	}
	return o
}
