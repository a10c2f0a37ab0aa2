package process

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"safelight/internal/event"
)

// datagram is one message of the process connector.
func datagram(idx, what uint32, data ...uint32) []byte {
	b := make([]byte, netlinkHeader+connectorHeader+eventHeader)
	word := binary.NativeEndian
	word.PutUint32(b[netlinkHeader:], idx)
	word.PutUint32(b[netlinkHeader+4:], connectorProc)
	word.PutUint32(b[netlinkHeader+connectorHeader:], what)
	for _, n := range data {
		b = word.AppendUint32(b, n)
	}
	word.PutUint32(b, uint32(len(b)))
	return b
}

func TestWhatTheProcessConnectorSends(t *testing.T) {
	exec := datagram(connectorProc, procExec, 70, 64)
	for _, c := range []struct {
		name string
		b    []byte
		want []procEvent
	}{
		{"a start, of the process and not its thread", exec, []procEvent{{what: procExec, pid: 64}}},
		{"two at once", slices.Concat(exec, exec), []procEvent{{what: procExec, pid: 64}, {what: procExec, pid: 64}}},
		{"a refusal", datagram(connectorProc, procAck, 1), []procEvent{{what: procAck, failed: 1}}},
		{"another connector's", datagram(7, procExec, 70, 64), nil},
		{"a start cut short", datagram(connectorProc, procExec, 70), nil},
		{"cut in its header", exec[:40], nil},
		{"a length beyond the end", func() []byte { b := bytes.Clone(exec); b[0], b[1] = 0xff, 0xff; return b }(), nil},
		{"no length", make([]byte, 80), nil},
	} {
		if got := parseProcEvents(c.b); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func FuzzProcEvents(f *testing.F) {
	f.Add(datagram(connectorProc, procExec, 70, 64))
	f.Add(datagram(connectorProc, procAck, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got := parseProcEvents(b); len(got) > len(b)/(netlinkHeader+connectorHeader+eventHeader) {
			t.Errorf("%d events in %d bytes", len(got), len(b))
		}
	})
}

func TestAStormOfStartsIsToldInBounds(t *testing.T) {
	c := newCrowds()
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	told, counted := 0, 0
	take := func(all []event.Observation) {
		for _, o := range all {
			told++
			counted += max(1, o.Count)
		}
	}
	uid := uint32(1007)
	for range 10_000 {
		take(c.add(event.Observation{Name: "bomb", Exe: "/tmp/bomb", UID: &uid}, now))
	}
	if told != crowd {
		t.Errorf("%d were told one by one, want %d", told, crowd)
	}
	other := c.add(event.Observation{Name: "homework", UID: &uid}, now)
	if len(other) != 1 || other[0].Count != 0 {
		t.Errorf("another program in the storm: told %+v", other)
	}
	take(c.add(event.Observation{Name: "bomb", Exe: "/tmp/bomb", UID: &uid}, now.Add(crowdTime)))
	take(c.rest())
	if counted != 10_001 {
		t.Errorf("%d starts are accounted for, want 10001", counted)
	}
	// Names that never come again do not fill the memory.
	for i := range 3 * maxCrowds {
		take(c.add(event.Observation{Name: time.Duration(i).String()}, now.Add(crowdTime)))
	}
	if len(c.known) > maxCrowds {
		t.Errorf("%d programs are remembered", len(c.known))
	}
}

func TestLooksAreHandedOutSlowlyInAStorm(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	b := newBucket(now)
	looks := 0
	for i := range 50_000 { // ten seconds of 5,000 starts a second
		if b.take(now.Add(time.Duration(i) * 200 * time.Microsecond)) {
			looks++
		}
	}
	if most := looksAtOnce + 10*looksASecond; looks > most || looks < most-2 {
		t.Errorf("%d looks, want %d", looks, most)
	}
	if !b.take(now.Add(time.Minute)) || b.take(now) && b.left > looksAtOnce {
		t.Error("a clock that jumps back must not fill it")
	}
}

// A way that does not work is passed over; that one works is said once, however
// often the source is started again.
func TestTheBestWayThatWorksIsTaken(t *testing.T) {
	l := &list{running: map[int32]identity{}}
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{}
		src := newSource(cfg, l, broken{}, newPolling(cfg, l))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- src.Run(ctx, nil, &sink{}) }()
		synctest.Wait()
		st := src.Status()
		if st.Way != "polling" || st.Since.IsZero() || !strings.Contains(st.Detail, "no such thing") {
			t.Errorf("status %+v", st)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// broken is a way that does not work here.
type broken struct{}

func (broken) name() string { return "broken" }
func (broken) lost() uint64 { return 0 }

func (broken) run(context.Context, func(), func(event.Start)) error {
	return fmt.Errorf("no such thing (%w)", errUnavailable)
}
