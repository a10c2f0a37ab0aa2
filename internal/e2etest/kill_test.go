package e2etest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"safelight/internal/trialschool"
)

// What the kill test does: lines lines in a followed log, of which three in
// four are flagged, while each program dies kills times.
const (
	lines = 2000
	kills = 10
)

// stored is what of `events --json` is counted.
type stored struct {
	Name  string `json:"name"`
	Epoch string `json:"epoch"`
	Lane  string `json:"lane"`
	Seq   uint64 `json:"seq"`
}

// TestEveryFlaggedLineArrivesOnceThoughBothProgramsAreKilled follows a log
// that grows and is rotated while agent and collector die by SIGKILL at random.
// SAFELIGHT_SEED replays a run.
func TestEveryFlaggedLineArrivesOnceThoughBothProgramsAreKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("long: real processes are killed twenty times")
	}
	seed := seed(t)
	t.Logf("seed %d (SAFELIGHT_SEED=%d replays it)", seed, seed)
	s := newSchool(t)
	log := filepath.Join(s.Dir, "access.log")
	check(t, os.WriteFile(log, nil, 0o600))
	agent, collector := startSchool(t, s, log)

	w := &logWriter{path: log, rand: rand.New(rand.NewPCG(seed, 1))}
	written := make(chan error, 1)
	go func() { written <- w.writeAll(t.Context()) }()
	killer := rand.New(rand.NewPCG(seed, 2))
	ctx := t.Context()
	for range kills {
		collector = killAndRestart(t, collector, killer, func() (*trialschool.Program, error) { return s.StartCollector(ctx) })
		agent = killAndRestart(t, agent, killer, func() (*trialschool.Program, error) { return s.StartAgent(ctx, s.AgentDir()) })
	}
	check(t, <-written)
	check(t, s.UntilReady(ctx, s.AgentDir()))
	check(t, untilDelivered(ctx, s))
	holds(t, s)
	check(t, agent.Stop())
	check(t, collector.Stop())
}

func seed(t *testing.T) uint64 {
	v := os.Getenv("SAFELIGHT_SEED")
	if v == "" {
		return rand.Uint64()
	}
	n, err := strconv.ParseUint(v, 10, 64)
	check(t, err)
	return n
}

func startSchool(t *testing.T, s *trialschool.School, log string) (agent, collector *trialschool.Program) {
	t.Helper()
	ctx := t.Context()
	collector = must[*trialschool.Program](t)(s.StartCollector(ctx))
	must[string](t)(s.AddDSL(ctx))
	check(t, s.ImportPupil(ctx, "demo.pupil"))
	check(t, s.Publish(ctx, writeRules(t, s.Dir, "flagged.example", "high")))
	check(t, s.Enrol(ctx, s.AgentDir(), fmt.Sprintf("weblog: [{format: squid, path: %q}]\n", log)))
	agent = must[*trialschool.Program](t)(s.StartAgent(ctx, s.AgentDir()))
	check(t, s.UntilReady(ctx, s.AgentDir()))
	return agent, collector
}

// killAndRestart lets the program work for a moment drawn at random, which may
// be no moment at all, and kills it.
func killAndRestart(t *testing.T, p *trialschool.Program, r *rand.Rand, start func() (*trialschool.Program, error)) *trialschool.Program {
	t.Helper()
	<-time.After(time.Duration(r.Int64N(int64(400 * time.Millisecond))))
	p.Kill()
	return must[*trialschool.Program](t)(start())
}

// logWriter writes lines as Squid does and rotates the file now and then.
type logWriter struct {
	path string
	rand *rand.Rand
}

func (w *logWriter) writeAll(ctx context.Context) error {
	f, err := os.OpenFile(w.path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	for i := range lines {
		if i%700 == 699 {
			if f, err = w.rotate(f, i); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(f, "%d.000     12 10.0.0.9 TCP_TUNNEL/200 400 CONNECT %s:443 demo.pupil HIER_DIRECT/203.0.113.9 -\n", time.Now().Unix(), lineName(i))
		if err != nil {
			return err
		}
		select {
		case <-time.After(time.Duration(w.rand.Int64N(int64(8 * time.Millisecond)))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return f.Close()
}

func (w *logWriter) rotate(f *os.File, i int) (*os.File, error) {
	if err := f.Close(); err != nil {
		return nil, err
	}
	if err := os.Rename(w.path, fmt.Sprintf("%s.%d", w.path, i)); err != nil {
		return nil, err
	}
	return os.OpenFile(w.path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
}

func flagged(i int) bool { return i%4 != 0 }

func lineName(i int) string {
	if flagged(i) {
		return fmt.Sprintf("n%05d.flagged.example", i)
	}
	return fmt.Sprintf("n%05d.plain.example", i)
}

func expected() []string {
	var names []string
	for i := range lines {
		if flagged(i) {
			names = append(names, lineName(i))
		}
	}
	return names
}

func events(ctx context.Context, s *trialschool.School) ([]stored, error) {
	out, err := s.Verb(ctx, "events", "--as", trialschool.DSLName, "--json")
	if err != nil {
		return nil, err
	}
	return trialschool.Lines[stored](out)
}

// untilDelivered waits until every expected event is stored, and nothing waits
// in the spool that might come twice.
func untilDelivered(ctx context.Context, s *trialschool.School) error {
	return trialschool.Until(ctx, "every event to be stored", func() (bool, string) {
		st, err := s.Status(ctx, s.AgentDir())
		if err != nil {
			return false, err.Error()
		}
		all, err := events(ctx, s)
		if err != nil {
			return false, err.Error()
		}
		return st.Waiting() == 0 && len(all) >= len(expected()), fmt.Sprintf("%d stored, %d waiting", len(all), st.Waiting())
	})
}

// holds checks what was promised: each flagged line once, nothing else, and
// sequences without a hole.
func holds(t *testing.T, s *trialschool.School) {
	t.Helper()
	all := must[[]stored](t)(events(t.Context(), s))
	var names []string
	seqs := map[string][]uint64{}
	for _, e := range all {
		names = append(names, e.Name)
		place := e.Epoch + " " + e.Lane
		seqs[place] = append(seqs[place], e.Seq)
	}
	slices.Sort(names)
	if want := expected(); !slices.Equal(names, want) {
		missing, extra := diff(want, names)
		t.Errorf("%d events, want %d; missing %v; extra or repeated %v", len(names), len(want), missing, extra)
	}
	for place, list := range seqs {
		slices.Sort(list)
		if first, last := list[0], list[len(list)-1]; last-first+1 != uint64(len(list)) {
			t.Errorf("%s: sequence from %d to %d has %d events", place, first, last, len(list))
		}
	}
	if len(seqs) != 1 {
		t.Errorf("%d sequences, want one spool and one lane", len(seqs))
	}
}

// diff counts what is in want and not in got, and the other way round, repeats
// included.
func diff(want, got []string) (missing, extra []string) {
	n := map[string]int{}
	for _, w := range want {
		n[w]++
	}
	for _, g := range got {
		n[g]--
	}
	for name, c := range n {
		switch {
		case c > 0:
			missing = append(missing, name)
		case c < 0:
			extra = append(extra, name)
		}
	}
	slices.Sort(missing)
	slices.Sort(extra)
	return missing, extra
}
