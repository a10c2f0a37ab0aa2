package daemon

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"safelight/agent/fingerprint"
	"safelight/agent/pipeline"
	"safelight/agent/source"
	"safelight/agent/spool"
	"safelight/internal/event"
	"safelight/internal/rules"
	"safelight/internal/wire"
)

// appended hands out the names of the events that were made durable.
type appended chan string

func (a appended) Append(records []spool.Record, _ map[string][]byte) error {
	for _, r := range records {
		e, err := wire.Unmarshal(r.Data)
		if err != nil {
			return err
		}
		a <- e.Name
	}
	return nil
}

type nobodyKnown struct{}

func (nobodyKnown) Who(string) pipeline.Person { return pipeline.Person{} }

// A system's program is copied under another name and started, while a rule asks
// for its checksum and for no name at all.
func TestCopiedProgramUnderAnotherNameIsFlagged(t *testing.T) {
	from, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("no sleep on this machine: ", err)
	}
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Compile(map[string][]byte{
		"protected/pack.yaml": []byte("pack: protected\ntitle: P\nversion: 1\n"),
		"starter/pack.yaml":   []byte("pack: starter\ntitle: S\nversion: 1\n"),
		"starter/test.yaml": fmt.Appendf(nil, "category: test\ntitle: Test\nnoun: test\nabout: A.\npurpose: safeguarding\nrisk: ordinary\nseverity: high\n"+
			"owner: DSL\nwhy: W.\naction: {pupil: alert}\nprograms: [other-tool, {sha256: %x}]\nfirst_steps: [F.]\ntests: {hit: [{process: other-tool}], miss: [{process: word}]}\n", sha256.Sum256(data)),
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "holiday-photos")
	if err := os.WriteFile(path, data, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill() // so that Wait says so
		_ = cmd.Wait()
	}()
	flagged := make(appended, 1)
	p := pipeline.New(pipeline.Parts{
		Policy: func(judge func(*rules.Ruleset, uint64, uint64)) { judge(set, 1, 1) },
		Roles:  nobodyKnown{}, Spool: flagged, Clock: readClock, Log: slog.New(slog.DiscardHandler),
		Hasher: fingerprint.New(fingerprint.Config{}),
	})
	p.PolicyArrived()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	p.Sink("process").Offer(source.Observed{Observation: event.Observation{
		Time: time.Now(), Kind: event.Process, Name: "holiday-photos", Via: event.ViaExec, PID: cmd.Process.Pid, Exe: path, User: "pupil14",
	}})
	if got := <-flagged; got != "holiday-photos" {
		t.Errorf("flagged %q", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
