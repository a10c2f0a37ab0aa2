package attribution

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The script that somebody runs may lie on a drive whose other end is gone. The names
// of everybody else's visits come through the same door.
func TestAScriptOnADeadDriveHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		var asked atomic.Int64
		f := &fileAsker{ask: func(path string) bool {
			asked.Add(1)
			if strings.HasPrefix(path, "G:") {
				<-back
			}
			return true
		}}
		began := time.Now()
		for range 10 {
			if f.is(`G:\dead\script.py`) {
				t.Error("a drive that does not answer says yes")
			}
		}
		if n, took := asked.Load(), time.Since(began); n != maxFileWaits || took != maxFileWaits*fileWait {
			t.Errorf("%d questions in %s, want %d and no wait beyond theirs", n, took, maxFileWaits)
		}
		if f.is(`g:\dead\script.py`) || asked.Load() != maxFileWaits {
			t.Error("the same drive in small letters is asked as another")
		}
		if !f.is(`C:\apps\script.py`) {
			t.Error("a script on a drive that answers has no name, since another drive is dead")
		}
		close(back)
		synctest.Wait()
		if !f.is(`G:\dead\script.py`) || len(f.hanging) != 0 {
			t.Errorf("the drive is back, and there hang %v", f.hanging)
		}
	})
}
