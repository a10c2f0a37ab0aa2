package fold

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"safelight/internal/event"
)

var start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// play is a Folder with a clock and what it emitted, a line each.
type play struct {
	*Folder
	now  time.Time
	out  []string
	last event.Observation
}

func newPlay() *play {
	return &play{Folder: New(Config{Grace: 2 * time.Second, Window: time.Minute}), now: start}
}

func (p *play) emit(o event.Observation) {
	line := fmt.Sprintf("%s %s", o.Via, o.Name)
	if o.UID != nil {
		line += fmt.Sprintf(" uid=%d", *o.UID)
	}
	if o.User != "" {
		line += " user=" + o.User
	}
	if o.Count != 1 {
		line += fmt.Sprintf(" count=%d", o.Count)
	}
	if len(o.Also) > 0 {
		line += fmt.Sprintf(" also=%v", o.Also)
	}
	if o.Attempt {
		line += " attempt"
	}
	p.out, p.last = append(p.out, line), o
}

func (p *play) after(d time.Duration) *play {
	p.now = p.now.Add(d)
	p.Tick(p.now, p.emit)
	return p
}

func (p *play) see(via event.Via, name string, uid int, mend ...func(*event.Observation)) *play {
	o := event.Observation{Time: p.now, Kind: event.Domain, Name: name, Via: via}
	if uid >= 0 {
		u := uint32(uid)
		o.UID = &u
	}
	for _, m := range mend {
		m(&o)
	}
	p.Add(o, p.now, p.emit)
	return p
}

func (p *play) want(t *testing.T, lines ...string) {
	t.Helper()
	if got, want := strings.Join(p.out, "\n"), strings.Join(lines, "\n"); got != want {
		t.Errorf("emitted\n%s\nwant\n%s", got, want)
	}
	p.out = nil
}

func TestAVisitIsToldAtOnceAndItsRepeatsCounted(t *testing.T) {
	p := newPlay().see("tls", "a", 1000)
	p.want(t, "tls a uid=1000")
	p.see("tls", "a", 1000).see("tls", "a", 1000).after(time.Second)
	p.want(t)
	p.after(time.Minute).see("tls", "a", 1000)
	p.want(t, "tls a uid=1000 count=3")
}

func TestAVisitTakesItsQuestionsAlong(t *testing.T) {
	p := newPlay().see("dns", "a", 1000).see("dns", "a", 1000).after(time.Second).see("tls", "a", 1000)
	p.want(t, "tls a uid=1000 also=[dns]")
	p.see("dns", "a", 1000).after(time.Hour)
	p.want(t)
}

func TestG10AQuestionAloneIsAnAttempt(t *testing.T) {
	p := newPlay().see("dns", "a", 1000).see("dns", "a", 1000).after(time.Second)
	p.want(t)
	p.after(time.Second)
	p.want(t, "dns a uid=1000 count=2 attempt")
	p.see("dns", "a", 1000).after(10 * time.Second)
	p.want(t)
	p.see("tls", "a", 1000) // it was no attempt after all
	p.want(t, "tls a uid=1000 also=[dns]")
}

func TestAConnectionToTheAnswerMakesItNoAttempt(t *testing.T) {
	there := netip.MustParseAddr("198.51.100.4")
	p := newPlay().see("dns", "a", 1000).see("dns", "b", 1000)
	p.Answered("a", []netip.Addr{there})
	p.Answered("b", []netip.Addr{netip.MustParseAddr("198.51.100.5")})
	p.Connected(there)
	p.after(2 * time.Second)
	p.want(t, "dns a uid=1000", "dns b uid=1000 attempt")
}

// A browser keeps its connection and asks for the name again.
func TestAQuestionWhileAnEarlierVisitMayLastIsNoAttempt(t *testing.T) {
	p := newPlay().see("tls", "a", 1000).after(3*time.Minute).see("dns", "a", 1000).after(2 * time.Second)
	p.want(t, "tls a uid=1000", "dns a uid=1000")
	p.after(time.Hour).see("dns", "a", 1000).after(2 * time.Second)
	p.want(t, "dns a uid=1000 attempt")
}

func TestTheResolversQuestionIsNotASecondAttempt(t *testing.T) {
	p := newPlay().see("dns", "a", 1000).see("dns", "a", 101).after(2 * time.Second)
	p.want(t, "dns a uid=1000 count=2 attempt")
	// Nor does it hide whose visit it is.
	p.see("dns", "b", 101).see("tls", "b", 1000)
	p.want(t, "tls b uid=1000 also=[dns]")
	// Whose it is may be known only of the repeat.
	p.see("dns", "c", -1).see("dns", "c", 1000).after(2 * time.Second)
	p.want(t, "dns c uid=1000 count=2 attempt")
}

// A resolver may run under a number that systemd lends it (DynamicUser=), or as
// nobody.
func TestAResolverWithAHighNumberJoinsTheVisit(t *testing.T) {
	for _, uid := range []int{61500, 65534} {
		p := newPlay().see("dns", "a", uid).see("tls", "a", 1000).after(3 * time.Second)
		p.want(t, "tls a uid=1000 also=[dns]")
		p.see("dns", "b", uid).see("dns", "b", 1000).after(3 * time.Second)
		p.want(t, "dns b uid=1000 count=2 attempt")
	}
}

func TestAnothersVisitHidesNobodysAttempt(t *testing.T) {
	p := newPlay().see("dns", "a", 1001).see("tls", "a", 1000).see("tls", "a", 1002).after(2 * time.Second)
	p.want(t, "tls a uid=1000", "tls a uid=1002", "dns a uid=1001 attempt")
}

func TestALogsUsersAreToldApart(t *testing.T) {
	who := func(user, client string, denied bool) func(*event.Observation) {
		return func(o *event.Observation) { o.User, o.Client, o.Attempt = user, client, denied }
	}
	p := newPlay().see("log", "a", -1, who("pupil07", "192.0.2.7", false)).
		see("log", "a", -1, who("pupil08", "192.0.2.7", false)).
		see("log", "a", -1, who("pupil07", "192.0.2.7", false)).
		see("log", "a", -1, who("pupil07", "192.0.2.9", true)).
		see("log", "a", -1, who("pupil07", "192.0.2.9", true)).
		see("log", "a", -1, who("pupil07", "192.0.2.9", false))
	p.want(t, "log a user=pupil07", "log a user=pupil08", "log a user=pupil07 attempt",
		"log a user=pupil07 count=2")
}

func TestTheWaysThatASourceSawItselfAreKept(t *testing.T) {
	both := func(o *event.Observation) { o.Also = []event.Via{event.ViaTLS} }
	p := newPlay().see("dns", "a", 1000).see("quic", "a", 1000, both).see("tls", "a", 1000)
	p.want(t, "quic a uid=1000 also=[dns tls]")
}

// An advert of a site must not hide that the site is then opened.
func TestAPartOfAPageHidesNoVisit(t *testing.T) {
	part := func(o *event.Observation) { o.User, o.ThirdParty = "pupil07", true }
	opened := func(o *event.Observation) { o.User = "pupil07" }
	p := newPlay().see("log", "a", -1, part).see("log", "a", -1, part).see("log", "a", -1, opened).see("log", "a", -1, opened).see("log", "a", -1, part)
	p.want(t, "log a user=pupil07", "log a user=pupil07 count=2")
}

// A name is asked for once for each type of address. Whether it was refused is
// the name's and not the type's.
func TestG10ADNSServersLogTellsARefusalOnce(t *testing.T) {
	asked := func(attempt bool) func(*event.Observation) {
		return func(o *event.Observation) { o.User, o.LogOf, o.Attempt = "pupil07", event.ViaDNS, attempt }
	}
	p := newPlay().see("log", "a", -1, asked(true)).see("log", "a", -1, asked(false)).see("log", "a", -1, asked(true))
	p.want(t, "log a user=pupil07 attempt")
	p.see("log", "b", -1, asked(false)).see("log", "b", -1, asked(true)).see("log", "b", -1, asked(false))
	p.want(t, "log b user=pupil07", "log b user=pupil07 attempt")
}

func TestNothingThatWaitsIsLostAtTheEnd(t *testing.T) {
	p := newPlay().see("dns", "a", 1000)
	p.Flush(p.now, p.emit)
	p.want(t, "dns a uid=1000 attempt")
	if _, waits := p.Next(); waits {
		t.Error("something waits still")
	}
}

func TestMemoryStaysBounded(t *testing.T) {
	f := New(Config{Names: 100})
	told := 0
	for i := range 10_000 {
		f.Add(event.Observation{Kind: event.Domain, Name: fmt.Sprint(i), Via: event.ViaDNS},
			start.Add(time.Duration(i)*time.Millisecond), func(event.Observation) { told++ })
		if len(f.names) > 100 || f.entries > 100 || len(f.waiting) > 100 {
			t.Fatalf("%d names, %d entries, %d waiting", len(f.names), f.entries, len(f.waiting))
		}
	}
	f.Flush(start.Add(time.Hour), func(event.Observation) { told++ })
	if told != 10_000 {
		t.Errorf("told %d of 10000", told)
	}
}

func TestWhatIsLongPastIsForgotten(t *testing.T) {
	p := newPlay().see("tls", "a", 1000)
	p.after(30 * time.Minute).after(30 * time.Minute)
	if len(p.names) != 0 || p.entries != 0 {
		t.Errorf("%d names remembered", len(p.names))
	}
}
