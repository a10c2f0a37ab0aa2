package daemon

import (
	"encoding/json"
	"testing"

	"safelight/agent/pipeline"
	"safelight/agent/source"
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
