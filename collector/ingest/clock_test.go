package ingest

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	safelightv1 "safelight/proto/safelight/v1"
)

func clock(wall time.Time, boot string, mono time.Duration) *safelightv1.Clock {
	return &safelightv1.Clock{Wall: timestamppb.New(wall), BootId: boot, MonotonicNs: int64(mono)}
}

func TestClocksAreCorrected(t *testing.T) {
	hour := time.Hour
	for name, c := range map[string]struct {
		sent, observed *safelightv1.Clock
		want           time.Time
		skew           time.Duration
		late           bool
	}{
		"right clock": {
			clock(noon, "a", hour), clock(noon.Add(-time.Second), "a", hour-time.Second), noon.Add(-time.Second), 0, false,
		},
		"clock an hour ahead": {
			clock(noon.Add(hour), "a", hour), clock(noon.Add(hour-time.Second), "a", hour-time.Second), noon.Add(-time.Second), -hour, false,
		},
		"clock set right in between": {
			clock(noon, "a", hour), clock(noon.Add(-9*hour), "a", hour-time.Second), noon.Add(-time.Second), 9*hour - time.Second, false,
		},
		"clock turned back in between": {
			clock(noon.Add(-9*hour), "a", hour), clock(noon.Add(-time.Second), "a", hour-time.Second), noon.Add(-time.Second), 0, false,
		},
		"offline since before a reboot": {
			clock(noon, "b", time.Minute), clock(noon.Add(-60*hour), "a", hour), noon.Add(-60 * hour), 0, true,
		},
		"rebooted with a clock a day behind": {
			clock(noon.Add(-24*hour), "b", time.Minute), clock(noon.Add(-26*hour), "a", hour), noon.Add(-2 * hour), 24 * hour, true,
		},
		"little skew over a reboot is left alone": {
			clock(noon.Add(-2*time.Second), "b", time.Minute), clock(noon.Add(-hour), "a", hour), noon.Add(-hour), 0, true,
		},
		"no boot id": {
			clock(noon.Add(hour), "", 0), clock(noon.Add(hour-time.Second), "", 0), noon.Add(-time.Second), -hour, false,
		},
		"from the future over a reboot": {
			clock(noon, "b", time.Minute), clock(noon.Add(hour), "a", hour), noon, -hour, false,
		},
		"monotonic clock that went backwards": {
			clock(noon, "a", time.Minute), clock(noon.Add(-time.Second), "a", hour), noon.Add(-time.Second), 0, false,
		},
		"offline for a minute is not late": {
			clock(noon, "a", hour), clock(noon.Add(-time.Minute), "a", hour-time.Minute), noon.Add(-time.Minute), 0, false,
		},
		"offline for longer is": {
			clock(noon, "a", hour), clock(noon.Add(-61*time.Second), "a", hour-61*time.Second), noon.Add(-61 * time.Second), 0, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := correct(noon, c.sent, c.observed)
			if !got.at.Equal(c.want) || got.skew != c.skew || got.late != c.late {
				t.Errorf("at %s, skew %s, late %t; want %s, %s, %t", got.at, got.skew, got.late, c.want, c.skew, c.late)
			}
		})
	}
}

func TestWhatALogToldIsDatedByTheLogAndSaidToBeLate(t *testing.T) {
	for name, c := range map[string]struct {
		logged *timestamppb.Timestamp
		skew   time.Duration
		want   time.Time
		late   bool
	}{
		"no time in the line":          {nil, 0, noon.Add(-time.Second), false},
		"a line just written":          {timestamppb.New(noon.Add(-2 * time.Second)), 0, noon.Add(-2 * time.Second), false},
		"a line of Friday, read today": {timestamppb.New(noon.Add(-62 * time.Hour)), 0, noon.Add(-62 * time.Hour), true},
		"by a clock an hour ahead":     {timestamppb.New(noon.Add(time.Hour - 2*time.Second)), -time.Hour, noon.Add(-2 * time.Second), false},
		"from the future":              {timestamppb.New(noon.Add(time.Hour)), 0, noon.Add(-time.Second), false},
		"a time that is none":          {&timestamppb.Timestamp{Seconds: 1 << 60}, 0, noon.Add(-time.Second), false},
	} {
		got := moment{at: noon.Add(-time.Second), skew: c.skew}.asLogged(c.logged, noon)
		if !got.at.Equal(c.want) || got.late != c.late || got.skew != c.skew {
			t.Errorf("%s: %+v, want %s, late %t", name, got, c.want, c.late)
		}
	}
}
