package daemon

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"safelight/agent/pipeline"
	"safelight/agent/source"
	"safelight/agent/source/weblog"
)

func TestWhatIsNotSeenIsCountedOverAllSources(t *testing.T) {
	c := coverageOf([]source.Status{
		{State: source.Running, Dropped: 2, Lost: 3, Hidden: map[string]uint64{"ech": 1, "wireguard": 4}},
		{State: source.Unavailable, Dropped: 1},
		{State: source.Starting},
		{State: source.Stopped},
	}, pipeline.Counts{Judged: 9, Hidden: pipeline.HiddenCounts{ECH: 2, EncryptedDNS: 7}}, 5)
	got, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"hidden":{"ech":3,"encrypted_dns":7,"wireguard":4},"stopped":2,"stops":5,"dropped":3,"lost":3}`
	if string(got) != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// A log whose path is wrong is waited for, and must not count as seen meanwhile.
func TestASourceThatDoesNotBeginIsNotCovered(t *testing.T) {
	began := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	log, err := weblog.New(weblog.Config{
		Format: "squid", Path: filepath.Join(t.TempDir(), "acess.log"),
		Options: weblog.Options{Now: func() time.Time { return began }},
	})
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{sources: []source.Source{log}, began: began.Add(-time.Hour)}
	for after, stopped := range map[time.Duration]int{0: 0, time.Minute: 0, time.Minute + time.Second: 1} {
		all := a.standing(began.Add(after))
		if c := coverageOf(all, pipeline.Counts{}, 0); c.Stopped != stopped {
			t.Errorf("after %s: %d stopped, want %d", after, c.Stopped, stopped)
		}
		if stopped > 0 && !strings.Contains(all[0].Detail, "waiting for the file") {
			t.Errorf("%+v: want why", all[0])
		}
	}
	for _, c := range []struct {
		is   source.Status
		want source.State
	}{
		{source.Status{State: source.Starting}, source.Unavailable},
		{source.Status{State: source.Starting, Since: began}, source.Starting},
		{source.Status{State: source.Running}, source.Running},
	} {
		if got := overdue(c.is, began.Add(-time.Hour), began.Add(time.Second)); got.State != c.want {
			t.Errorf("%+v stands as %s, want %s", c.is, got.State, c.want)
		}
	}
}
