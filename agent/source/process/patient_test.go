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

func farZ(drive string) bool { return drive == "z:" }

// TestAProgramOnADeadNetworkShareHoldsNobodyUp: it is told without what its file says,
// those after it with it, and the share is asked again once it is back.
func TestAProgramOnADeadNetworkShareHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := &shares{dead: "dead", back: make(chan struct{})}
		s := newSource(Config{}, &list{running: map[int32]identity{7: {exe: `\\dead\apps\a.exe`}, 8: {exe: `\\DEAD\apps\b.exe`}, 9: {exe: `C:\c.exe`}}})
		s.files = newPatient(files, farZ)
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

// TestReadsThatHangAreSoManyAtMost, however many shares are dead; and they take no
// room from this device's own drives.
func TestReadsThatHangAreSoManyAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := &shares{dead: "dead", back: make(chan struct{})}
		p := newPatient(files, farZ)
		began := time.Now()
		for _, share := range strings.Split("abcdefghij", "") {
			if of := p.facts(`\\dead\` + share + `\x.exe`); !of.late {
				t.Errorf("share %s says %+v", share, of)
			}
		}
		if n, took := files.reads.Load(), time.Since(began); n != hangingShares || took != hangingShares*readWithin {
			t.Errorf("%d reads in %s, want %d and no wait beyond theirs", n, took, hangingShares)
		}
		if of := p.facts(`C:\game.exe`); of.late || of.originalName == "" {
			t.Errorf("a file of this device's own says %+v", of)
		}
		close(files.back)
		synctest.Wait()
		if p.reading+p.shares+len(p.hanging)+len(p.late) != 0 {
			t.Errorf("%d are being read and %v late after all have ended", p.reading, p.late)
		}
	})
}

// TestOneSlowFileOnADriveHidesNoOther: only that file goes unread, until a second hangs.
func TestOneSlowFileOnADriveHidesNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := &shares{dead: "dead", back: make(chan struct{})}
		p := newPatient(files, farZ)
		ask := func(path string, late bool, within time.Duration) {
			t.Helper()
			began := time.Now()
			if of := p.facts(path); of.late != late || of.originalName == "" != late || time.Since(began) != within {
				t.Errorf("%s says %+v after %s", path, of, time.Since(began))
			}
		}
		ask(`C:\apps\dead.exe`, true, readWithin)
		ask(`C:\apps\game.exe`, false, 0)
		ask(`c:\Apps\DEAD.exe`, true, 0) // the same file, which is known to hang
		ask(`C:\games\game.exe`, false, 0)
		ask(`C:\games\dead.exe`, true, readWithin)
		ask(`C:\apps\game.exe`, true, 0) // two hang: it is the drive
		ask(`D:\game.exe`, false, 0)
		close(files.back)
		synctest.Wait()
		ask(`C:\apps\dead.exe`, false, 0)
		ask(`C:\apps\game.exe`, false, 0)
	})
}

// TestADriveThatIsAShareIsOnePlace, as is a device that no letter stands for.
func TestADriveThatIsAShareIsOnePlace(t *testing.T) {
	for _, c := range []struct{ dead, beside, elsewhere string }{
		{`Z:\dead.exe`, `z:\apps\game.exe`, `Y:\game.exe`},
		{`\\school\dead\a.exe`, `\\SCHOOL\Dead\b.exe`, `\\school\apps\game.exe`},
		{`\Device\Volume{1}\dead.exe`, `\device\volume{1}\game.exe`, `\Device\Volume{2}\game.exe`},
	} {
		synctest.Test(t, func(t *testing.T) {
			files := &shares{dead: "dead", back: make(chan struct{})}
			p := newPatient(files, farZ)
			if of := p.facts(c.dead); !of.late {
				t.Errorf("%s says %+v", c.dead, of)
			}
			if of := p.facts(c.beside); !of.late || files.reads.Load() != 1 {
				t.Errorf("%s beside it says %+v after %d reads", c.beside, of, files.reads.Load())
			}
			if of := p.facts(c.elsewhere); of.late {
				t.Errorf("%s elsewhere says %+v", c.elsewhere, of)
			}
			close(files.back)
			synctest.Wait()
		})
	}
}
