package clock

import (
	"runtime"
	"testing"
	"time"
)

func TestClocksAgreeAndMonotonicOneOnlyGrows(t *testing.T) {
	last := Now()
	if last.BootID == "" || last.Mono < 0 || time.Since(last.Wall).Abs() > time.Minute {
		t.Fatalf("odd clock: %+v", last)
	}
	for range 1000 {
		now := Now()
		if now.BootID != last.BootID || now.Mono < last.Mono {
			t.Fatalf("%+v follows %+v", now, last)
		}
		last = now
	}
	if runtime.GOOS == "linux" && last.BootID == processID {
		t.Log("this machine names no boot: the process's own id is used")
	}
}

func TestProcessClockStandsInForABoot(t *testing.T) {
	id, since := sinceStart(started.Add(3 * time.Second))
	if id != processID || len(id) != 32 || since != 3*time.Second {
		t.Errorf("%q, %v", id, since)
	}
	if randomID() == processID {
		t.Error("two processes would share an id")
	}
}
