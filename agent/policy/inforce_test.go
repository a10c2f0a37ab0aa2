package policy

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

// over is a policy in force that reads one mapped file.
func over(t testing.TB, path string, size int64) *inForce {
	t.Helper()
	p := newInForce(&safelightv1.Manifest{Epoch: 1, Serial: 7}, nil)
	m, err := mapFile(path, size)
	must(t, err)
	p.mappings = []mapping{m}
	return p
}

func bare(t testing.TB, logged *strings.Builder) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "policy"), "hill-lane", func() []*safelightv1.PolicyKey { return nil }, slog.New(slog.NewTextHandler(logged, nil)))
	must(t, err)
	return s
}

// A policy that is replaced is unmapped; whoever looks at it at that moment still
// sees it. Were it unmapped too early, this would end the test program.
func TestJudgingGoesOnWhileThePolicyIsReplaced(t *testing.T) {
	data := bytes.Repeat([]byte{7}, 1<<16)
	path := write(t, data)
	s := bare(t, &strings.Builder{})
	var tables sync.Map // what each version reads, as its rules would
	version := func(serial uint64) *inForce {
		p := over(t, path, int64(len(data)))
		p.Serial = serial
		tables.Store(serial, p.mappings[0].data)
		return p
	}
	s.now.Store(version(1))
	stop := make(chan struct{})
	var judging sync.WaitGroup
	for range 4 {
		judging.Go(func() {
			for sum := 0; ; {
				select {
				case <-stop:
					return
				default:
				}
				s.Use(func(_ *rules.Ruleset, _, serial uint64) {
					data, _ := tables.Load(serial)
					sum += int(data.([]byte)[len(data.([]byte))-1])
				})
			}
		})
	}
	closed := 0
	for n := range uint64(300) {
		old := s.now.Swap(version(n + 2))
		old.release()
		if old.users.Load() == 0 {
			closed++
		}
	}
	close(stop)
	judging.Wait()
	if closed == 0 {
		t.Error("none was ever closed")
	}
	must(t, s.Close())
	s.Use(func(set *rules.Ruleset, epoch, serial uint64) {
		if set != nil || epoch != 0 || serial != 0 {
			t.Error("something is judged by after Close")
		}
	})
}

func TestAFaultElsewhereIsNotTakenForTheDisks(t *testing.T) {
	p := over(t, write(t, []byte("x")), 1)
	defer p.release()
	for name, f := range map[string]func(*rules.Ruleset, uint64, uint64){
		"a rule that panics": func(*rules.Ruleset, uint64, uint64) { panic("mine") },
		"a nil pointer":      func(set *rules.Ruleset, _, _ uint64) { _ = *set },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was swallowed", name)
				}
			}()
			_ = p.use(f)
		}()
	}
}
