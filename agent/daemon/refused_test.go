package daemon

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"safelight/agent/about"
	"safelight/agent/enrol"
	"safelight/agent/watch"
)

// TestG15WhoeverAsksARefusedDeviceIsToldAndNobodyIsAccused, also after a restart, and
// no longer once it is taken again.
func TestG15WhoeverAsksARefusedDeviceIsToldAndNobodyIsAccused(t *testing.T) {
	dir, public := t.TempDir(), t.TempDir()
	a := &agent{log: slog.New(slog.DiscardHandler), identity: &enrol.Identity{DeviceID: "lt1"}, about: about.NewKeeper(filepath.Join(dir, "about"), public)}
	since := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	a.keepRefusal(dir, &watch.Refusal{Since: since, Reason: "this device was set up anew and has another key: enrol again"})
	said := about.Read(public).ForIT
	for _, want := range []string{"20 November 2026", "set up anew", "device.key", "new token", "nothing to do with anybody"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in: %s", want, said)
		}
	}
	if r := a.knownRefusal(dir); r == nil || !r.Since.Equal(since) {
		t.Errorf("after a restart it knows %+v", r)
	}
	a.identity = &enrol.Identity{DeviceID: "lt2"} // enrolled as another one
	if r := a.knownRefusal(dir); r != nil || about.Read(public).ForIT != "" {
		t.Errorf("another identity is refused: %+v, %q", r, about.Read(public).ForIT)
	}
	a.keepRefusal(dir, &watch.Refusal{Since: since, Reason: "x"})
	a.keepRefusal(dir, nil)
	if _, err := os.Stat(refusalFile(dir)); err == nil || about.Read(public).ForIT != "" {
		t.Error("it is taken again, and says that it is refused")
	}
}
