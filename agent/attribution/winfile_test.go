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
		close(back)
		synctest.Wait()
		if !f.is(`C:\apps\script.py`) || f.hanging != 0 {
			t.Errorf("the drive is back, and %d questions hang", f.hanging)
		}
	})
}
