package process

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"safelight/internal/event"
)

// shares are files some of whose places do not answer until they are back.
type shares struct {
	dead  string
	back  chan struct{}
	reads atomic.Int64
}

func (s *shares) facts(path string) facts {
	s.reads.Add(1)
	if strings.Contains(path, s.dead) {
		<-s.back
	}
	return facts{originalName: "game.exe"}
}

// TestAProgramOnADeadNetworkShareHoldsNobodyUp: it is told without what its file says,
// those after it with it, and the share is asked again once it is back.
func TestAProgramOnADeadNetworkShareHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := &shares{dead: "dead", back: make(chan struct{})}
		s := newSource(Config{}, &list{running: map[int32]identity{7: {exe: `\\dead\apps\a.exe`}, 8: {exe: `\\DEAD\apps\b.exe`}, 9: {exe: `C:\c.exe`}}})
		s.files = newPatient(files)
		out := &sink{}
		began := time.Now()
		for _, start := range []event.Start{
			{PID: 7, Comm: "a.exe", Exe: `\\dead\apps\a.exe`}, {PID: 8, Comm: "b.exe", Exe: `\\DEAD\apps\b.exe`}, {PID: 9, Comm: "c.exe", Exe: `C:\c.exe`},
		} {
			s.tell(start, newCrowds(), out)
		}
		if took := time.Since(began); took != readWithin {
			t.Errorf("three starts took %s, want %s for the first alone", took, readWithin)
		}
		if len(out.got) != 3 || out.got[0].OriginalName != "" || out.got[1].OriginalName != "" || out.got[2].OriginalName != "game.exe" || files.reads.Load() != 2 {
			t.Errorf("told %+v after %d reads", out.got, files.reads.Load())
		}
		if st := s.Status(); !strings.Contains(st.Detail, "2 programs") {
			t.Errorf("it says %q", st.Detail)
		}
		close(files.back)
		synctest.Wait()
		if of := s.files.facts(`\\dead\apps\a.exe`); of.originalName != "game.exe" || of.late {
			t.Errorf("the share is back, and it says %+v", of)
		}
	})
}

// TestReadsThatHangAreSoManyAtMost, however many shares are dead.
func TestReadsThatHangAreSoManyAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := &shares{dead: "dead", back: make(chan struct{})}
		p := newPatient(files)
		began := time.Now()
		for _, share := range strings.Split("abcdefghij", "") {
			if of := p.facts(`\\dead\` + share + `\x.exe`); !of.late {
				t.Errorf("share %s says %+v", share, of)
			}
		}
		if n, took := files.reads.Load(), time.Since(began); n != maxReading || took != maxReading*readWithin {
			t.Errorf("%d reads in %s, want %d and no wait beyond theirs", n, took, maxReading)
		}
		close(files.back)
		synctest.Wait()
		if p.reading != 0 || len(p.late) != 0 {
			t.Errorf("%d are being read and %v late after all have ended", p.reading, p.late)
		}
	})
}
