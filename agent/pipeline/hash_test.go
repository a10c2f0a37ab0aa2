package pipeline_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"safelight/agent/pipeline"
	"safelight/agent/source"
	"safelight/internal/event"
	"safelight/internal/rules"
)

// sums is a Hasher of a func.
type sums func(ctx context.Context, o event.Observation) (string, error)

func (f sums) SHA256(ctx context.Context, o event.Observation) (string, error) { return f(ctx, o) }

var gameSum = strings.Repeat("ab", 32)

// withPrograms is a rule set with rules of programs.
func withPrograms(t testing.TB, programs string) *rules.Ruleset {
	t.Helper()
	pack := strings.Replace(testPack, "domains: [flagged.test]\n", "domains: [flagged.test]\nprograms: "+programs+"\n", 1)
	set, err := rules.Compile(map[string][]byte{
		"protected/pack.yaml": []byte("pack: protected\ntitle: What no rule may flag\nversion: 1\n"),
		"starter/pack.yaml":   []byte("pack: starter\ntitle: Test pack\nversion: 1\n"),
		"starter/test.yaml":   []byte(pack),
	})
	must(t, err)
	return set
}

func program(name string) source.Observed {
	return source.Observed{Observation: event.Observation{
		Time: noon, Kind: event.Process, Name: name, Via: event.ViaExec, Exe: "/opt/" + name, PID: 7, User: "pupil14",
	}}
}

// hashed is a pipeline whose programs have these sums.
func hashed(t testing.TB, programs string, h pipeline.Hasher) *house {
	d, logged := &disk{}, &lockedBuilder{}
	p := parts(t, d, logged)
	set := withPrograms(t, programs)
	p.Policy = func(judge func(*rules.Ruleset, uint64, uint64)) { judge(set, 3, 14) }
	p.Hasher, p.Log = h, slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return &house{Pipeline: pipeline.New(p), disk: d, logged: logged}
}

func TestProgramUnderAnotherNameIsFlaggedByItsChecksum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hashed(t, "[{sha256: "+gameSum+"}]", sums(func(_ context.Context, o event.Observation) (string, error) {
			if o.Name == "homework" {
				return gameSum, nil
			}
			return strings.Repeat("00", 32), nil
		}))
		h.PolicyArrived()
		stop := h.start(t)
		for _, name := range []string{"word", "homework", "calc"} {
			if !h.Sink("process").Offer(program(name)) {
				t.Fatal("no room")
			}
		}
		synctest.Wait()
		if got := h.disk.names(); !slices.Equal(got, []string{"homework"}) {
			t.Errorf("flagged %v", got)
		}
		stop()
		if n := h.Counts(); n.Judged != 3 || n.Unread != 0 {
			t.Errorf("judged %d of 3, %d unread", n.Judged, n.Unread)
		}
	})
}

func TestNoFileIsReadThatNoRuleWantsToKnowOf(t *testing.T) {
	var asked atomic.Int64
	h := hashed(t, "[tor, {name: game, sha256: "+gameSum+"}]", sums(func(context.Context, event.Observation) (string, error) {
		asked.Add(1)
		return "", errors.New("gone")
	}))
	h.PolicyArrived()
	stop := h.start(t)
	for _, name := range []string{"word", "tor", "calc"} {
		h.Sink("process").Offer(program(name))
	}
	h.Sink("network").Offer(visit("flagged.test", ""))
	stop()
	if asked.Load() != 0 {
		t.Errorf("%d files were read", asked.Load())
	}
	if got := h.disk.names(); !slices.Contains(got, "tor") || !slices.Contains(got, "flagged.test") {
		t.Errorf("flagged %v", got)
	}
}

func TestJudgingWaitsForNoChecksum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read := make(chan struct{})
		h := hashed(t, "[tor, {name: game, sha256: "+gameSum+"}]", sums(func(context.Context, event.Observation) (string, error) {
			<-read
			return gameSum, nil
		}))
		h.PolicyArrived()
		stop := h.start(t)
		h.Sink("process").Offer(program("game"))
		must(t, h.Sink("weblog").Put(t.Context(), visit("flagged.test", "1")))
		synctest.Wait()
		if got := h.disk.names(); !slices.Equal(got, []string{"flagged.test"}) {
			t.Errorf("while a file was read %v was flagged", got)
		}
		close(read)
		synctest.Wait()
		if got := h.disk.names(); !slices.Equal(got, []string{"flagged.test", "game"}) {
			t.Errorf("flagged %v", got)
		}
		stop()
	})
}

func TestProgramsWhoseFilesCannotBeReadAreJudgedByTheRestAndCounted(t *testing.T) {
	h := hashed(t, "[{sha256: "+gameSum+"}, {name: tor}]", sums(func(ctx context.Context, _ event.Observation) (string, error) {
		<-ctx.Done() // as a slow disk at the end
		return "", ctx.Err()
	}))
	h.PolicyArrived()
	stop := h.start(t)
	const started = 200 // more than may wait
	for range started {
		h.Sink("process").Offer(program("word"))
	}
	h.Sink("process").Offer(program("tor"))
	stop()
	n := h.Counts()
	if n.Judged != started+1 || n.Unread == 0 || !slices.Equal(h.disk.names(), []string{"tor"}) {
		t.Errorf("judged %d of %d, %d unread, flagged %v", n.Judged, started+1, n.Unread, h.disk.names())
	}
	if strings.Contains(h.logged.String(), "word") {
		t.Error("the log names a program")
	}
}
