package fold

import (
	"net/netip"
	"testing"
	"time"

	"safelight/internal/event"
)

var (
	site   = netip.MustParseAddrPort("198.51.100.7:443")
	asked  = func(o *event.Observation) { o.Reason = event.ReasonResolver }
	conn1  = netip.MustParseAddrPort("192.0.2.5:40001")
	conn2  = netip.MustParseAddrPort("192.0.2.5:40002")
	reason = func(t *testing.T, p *play, want event.Reason) {
		t.Helper()
		if p.last.Reason != want {
			t.Errorf("reason %q, want %q", p.last.Reason, want)
		}
	}
)

func pupil(uid uint32, user string) event.Owner {
	return event.Owner{UID: &uid, User: user, PID: int(uid), Process: "browser"}
}

// question is what a resolver asked on somebody's behalf, and the answer.
func question(name string) *play {
	p := newPlay()
	p.see(event.ViaDNS, name, 991, asked)
	p.Answered(name, []netip.Addr{site.Addr()})
	return p
}

func TestTheConnectionThatFollowsTheResolversQuestionNamesTheOwner(t *testing.T) {
	p := question("a.test")
	if !p.Follows(site.Addr()) || p.Follows(conn1.Addr()) {
		t.Error("want to hear of connections to what was answered, and of no others")
	}
	p.Followed(conn1, site, pupil(1007, "pupil07"), p.now)
	p.Connected(site.Addr())
	p.after(2 * time.Second).after(time.Second)
	p.want(t, "dns a.test uid=1007 user=pupil07")
	reason(t, p, "")
}

func TestAResolversQuestionThatNobodyFollowsIsNobodys(t *testing.T) {
	p := question("a.test").after(3 * time.Second)
	p.want(t, "dns a.test uid=991 attempt")
	reason(t, p, event.ReasonResolver)
}

func TestAQuestionThatTwoAccountsFollowIsNeithers(t *testing.T) {
	p := question("a.test")
	p.Followed(conn1, site, pupil(1007, "pupil07"), p.now)
	p.Followed(conn2, site, pupil(1008, "pupil08"), p.now)
	p.after(2 * time.Second).after(time.Second)
	p.want(t, "dns a.test uid=991 attempt")
	reason(t, p, event.ReasonSeveral)
}

func TestAFollowerWhomNobodyKnowsMayBeAnybody(t *testing.T) {
	p := question("a.test")
	p.Followed(conn1, site, pupil(1007, "pupil07"), p.now)
	p.Followed(conn2, site, event.Owner{}, p.now)
	p.after(2 * time.Second).after(time.Second)
	p.want(t, "dns a.test uid=991 attempt")
	reason(t, p, event.ReasonResolver)
}

// Many sites share an address: who connects to it for one of them must not be
// told to have asked for another.
func TestAConnectionForAnotherNameNamesNobody(t *testing.T) {
	p := question("a.test")
	p.Followed(conn1, site, pupil(1008, "pupil08"), p.now)
	p.see(event.ViaTLS, "b.test", 1008, func(o *event.Observation) { o.Client, o.Server = conn1.String(), site.String() })
	p.after(2 * time.Second).after(time.Second)
	p.want(t, "tls b.test uid=1008", "dns a.test uid=991 attempt")
	reason(t, p, event.ReasonResolver)
}

func TestTwoQuestionsWithOneAddressAreFollowedByNobody(t *testing.T) {
	p := question("a.test")
	p.see(event.ViaDNS, "b.test", 991, asked)
	p.Answered("b.test", []netip.Addr{site.Addr()})
	if p.Follows(site.Addr()) {
		t.Error("nobody can say which of the two a connection is for")
	}
}

// A connection shows by its name what it was for, and takes its time over it.
func TestAQuestionIsNotGivenToWhoeverConnectsLast(t *testing.T) {
	p := question("flagged.test").after(1900 * time.Millisecond)
	p.Followed(conn1, site, pupil(1007, "pupil07"), p.now)
	p.after(100 * time.Millisecond)
	p.want(t) // it may be for another name yet
	p.after(50 * time.Millisecond)
	p.Named(event.Observation{Via: event.ViaTLS, Name: "other.test", Client: conn1.String(), Server: site.String()})
	p.after(unheard)
	p.want(t, "dns flagged.test uid=991 attempt")
	reason(t, p, event.ReasonResolver)
}

func TestAQuestionWaitsOnceMoreAndNotForEver(t *testing.T) {
	p := question("flagged.test")
	p.Followed(conn1, site, pupil(1007, "pupil07"), p.now)
	p.after(2 * time.Second)
	p.Followed(conn2, site, pupil(1007, "pupil07"), p.now)
	p.see(event.ViaDNS, "later.test", 1008).see(event.ViaDNS, "later.test", 1008)
	if due, ok := p.Next(); !ok || !due.Equal(start.Add(unheard)) {
		t.Errorf("due at %v", due.Sub(start))
	}
	p.after(unheard - 2*time.Second)
	p.want(t, "dns flagged.test uid=991 attempt") // conn2 has told nothing so far
	reason(t, p, event.ReasonResolver)
	p.after(2 * time.Second)
	p.want(t, "dns later.test uid=1008 count=2 attempt")
}

func TestAtTheEndAQuestionIsNobodysWhoseFollowersWereNotHeardOut(t *testing.T) {
	p := question("flagged.test")
	p.Followed(conn1, site, pupil(1007, "pupil07"), p.now)
	p.Flush(p.now, p.emit)
	p.want(t, "dns flagged.test uid=991 attempt")
	reason(t, p, event.ReasonResolver)
}

// Those who found no room may have been others.
func TestAQuestionThatMoreFollowThanAreKeptIsNobodys(t *testing.T) {
	p := question("flagged.test")
	for i := range maxFollowers + 1 {
		who := pupil(1007, "pupil07")
		if i == maxFollowers {
			who = pupil(1008, "pupil08")
		}
		p.Followed(netip.AddrPortFrom(conn1.Addr(), uint16(41000+i)), site, who, p.now)
	}
	p.after(2 * time.Second).after(time.Second)
	p.want(t, "dns flagged.test uid=991 attempt")
	reason(t, p, event.ReasonResolver)
}
