package pages

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"safelight/internal/event"
)

// lastTwo stands in for the list of registered names.
func lastTwo(host string) string {
	labels := strings.Split(host, ".")
	return strings.Join(labels[max(0, len(labels)-2):], ".")
}

func visit(process, name string, mend ...func(*event.Observation)) event.Observation {
	uid := uint32(1000)
	o := event.Observation{Kind: event.Domain, Name: name, Via: event.ViaTLS, Process: process, UID: &uid}
	for _, m := range mend {
		m(&o)
	}
	return o
}

func at(seconds float64) time.Duration {
	return time.Hour + time.Duration(seconds*float64(time.Second))
}

func TestWhatFollowsAPageAtOnceIsLikelyAPartOfIt(t *testing.T) {
	tr := New(lastTwo)
	for _, c := range []struct {
		at            float64
		process, name string
		part          bool
	}{
		{0, "chrome", "news.example", false},
		{0.2, "chrome", "static.news.example", false}, // the same site
		{0.3, "chrome", "ads.example", true},
		{0.4, "chrome", "cdn.adverts.test", true},
		{0.5, "curl", "fetched.test", false},     // another program
		{0.6, "firefox", "opened.test", false},   // another browser
		{1.2, "chrome", "fonts.test", true},      // still within the page's burst
		{2.4, "chrome", "clicked.test", false},   // after a lull
		{2.5, "chrome", "counter.example", true}, // of the page that was clicked
		{9, "chrome", "again.test", false},
	} {
		if got := tr.Seen(visit(c.process, c.name), at(c.at)); got != c.part {
			t.Errorf("at %v %s %s: part %v", c.at, c.process, c.name, got)
		}
	}
}

// A page that never ends to fetch must not make parts of all that follows.
func TestABurstEndsHoweverBusyItIs(t *testing.T) {
	tr := New(lastTwo)
	tr.Seen(visit("chrome", "news.test"), at(0))
	pages := 0
	for i := range 30 {
		if !tr.Seen(visit("chrome", fmt.Sprintf("n%d.example%d", i, i)), at(float64(i+1)/10)) {
			pages++
		}
	}
	if pages != 1 {
		t.Errorf("%d pages began within three seconds, want one after the first's burst", pages)
	}
	if tr.Seen(visit("chrome", "b.test2"), at(4.5)) {
		t.Error("after a lull it is a part")
	}
}

func TestWhatIsOnlyAskedForIsNoPage(t *testing.T) {
	tr := New(lastTwo)
	dns := func(o *event.Observation) { o.Via = event.ViaDNS }
	log := func(o *event.Observation) { o.Via = event.ViaLog }
	tr.Seen(visit("chrome", "prefetched.test", dns), at(0))
	if tr.Seen(visit("chrome", "opened.example"), at(0.1)) {
		t.Error("a prefetch made a part of what was opened")
	}
	if tr.Seen(visit("chrome", "other.test", log), at(0.2)) || tr.Seen(visit("chrome", "dns.test", dns), at(0.3)) {
		t.Error("a part, of what shows no connection")
	}
}

func TestG10TheVisitBeforeABlockPageIsAnAttempt(t *testing.T) {
	tr := New(lastTwo)
	tr.Seen(visit("chrome", "blocked.test"), at(0))
	tr.Seen(visit("firefox", "other.test"), at(0.1))
	got, ok := tr.Blocked(visit("chrome", "filter.school.example"), at(0.5))
	if !ok || got.Name != "blocked.test" || !got.Attempt {
		t.Errorf("%+v, %v", got, ok)
	}
	if _, ok := tr.Blocked(visit("chrome", "filter.school.example"), at(0.6)); ok {
		t.Error("twice")
	}
	tr.Seen(visit("chrome", "fine.test"), at(1))
	if got, ok := tr.Blocked(visit("chrome", "filter.school.example"), at(9)); ok {
		t.Errorf("long after: %+v", got)
	}
	if got, ok := tr.Blocked(visit("safari", "filter.school.example"), at(1)); ok {
		t.Errorf("nobody's: %+v", got)
	}
}

func TestOneLogsUsersAreToldApart(t *testing.T) {
	tr := New(lastTwo)
	who := func(user string) func(*event.Observation) {
		return func(o *event.Observation) { o.Via, o.User, o.Client, o.UID = event.ViaLog, user, "192.0.2.7", nil }
	}
	tr.Seen(visit("", "a.test", who("pupil07")), at(0))
	tr.Seen(visit("", "b.test", who("pupil08")), at(0))
	if got, ok := tr.Blocked(visit("", "filter.school.example", who("pupil07")), at(1)); !ok || got.Name != "a.test" || got.User != "pupil07" {
		t.Errorf("%+v, %v", got, ok)
	}
}

func TestMadeUpProgramsFillNoMemory(t *testing.T) {
	tr := New(lastTwo)
	for i := range 10 * owners {
		tr.Seen(visit(fmt.Sprint("p", i), "a.test"), at(float64(i)))
		if len(tr.open) > owners {
			t.Fatalf("%d are remembered", len(tr.open))
		}
	}
}
