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
	p.Followed(conn1, site, pupil(1007, "pupil07"))
	p.Connected(site.Addr())
	p.after(3 * time.Second)
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
	p.Followed(conn1, site, pupil(1007, "pupil07"))
	p.Followed(conn2, site, pupil(1008, "pupil08"))
	p.after(3 * time.Second)
	p.want(t, "dns a.test uid=991 attempt")
	reason(t, p, event.ReasonSeveral)
}

func TestAFollowerWhomNobodyKnowsMayBeAnybody(t *testing.T) {
	p := question("a.test")
	p.Followed(conn1, site, pupil(1007, "pupil07"))
	p.Followed(conn2, site, event.Owner{})
	p.after(3 * time.Second)
	p.want(t, "dns a.test uid=991 attempt")
	reason(t, p, event.ReasonResolver)
}

// Many sites share an address: who connects to it for one of them must not be
// told to have asked for another.
func TestAConnectionForAnotherNameNamesNobody(t *testing.T) {
	p := question("a.test")
	p.Followed(conn1, site, pupil(1008, "pupil08"))
	p.see(event.ViaTLS, "b.test", 1008, func(o *event.Observation) { o.Client, o.Server = conn1.String(), site.String() })
	p.after(3 * time.Second)
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
