package pipeline_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"safelight/agent/pages"
	"safelight/agent/pipeline"
	"safelight/agent/source"
	"safelight/internal/event"
	"safelight/internal/rules"
	"safelight/internal/wire"
)

// markedRules has a rule of ordinary and one of life's risk, and the lists.
func markedRules(t testing.TB) *rules.Ruleset {
	t.Helper()
	files := map[string]string{
		"protected/pack.yaml": "pack: protected\ntitle: What no rule may flag\nversion: 1\n",
		"starter/pack.yaml":   "pack: starter\ntitle: Test pack\nversion: 1\n",
		"starter/test.yaml":   testPack,
		"starter/life.yaml": strings.NewReplacer("category: test", "category: life", "risk: ordinary", "risk: life",
			"flagged.test", "grave.test").Replace(testPack),
		"starter/noise.yaml": "marks: noise\ntitle: N\nwhy: W\ndomains: [updates.flagged.test, updates.grave.test, chatter.test]\n",
		"starter/dns.yaml":   "marks: encrypted-dns\ntitle: N\nwhy: W\ndomains: [resolver.test]\n",
		"starter/vpn.yaml":   "marks: vpn\ntitle: N\nwhy: W\ndomains: [tunnel.test]\n",
		"starter/proxy.yaml": "marks: proxy\ntitle: N\nwhy: W\ndomains: [proxy.test]\n",
		"starter/ech.yaml":   "marks: ech\ntitle: N\nwhy: W\ndomains: [outer.test]\n",
		"ours/pack.yaml":     "pack: ours\ntitle: Ours\nversion: 1\n",
		"ours/page.yaml":     "marks: block-page\ntitle: Our filter\nwhy: It tells who is refused.\ndomains: [stop.school.test]\naddresses: [198.51.100.9]\n",
	}
	bytes := map[string][]byte{}
	for name, text := range files {
		bytes[name] = []byte(text)
	}
	set, err := rules.Compile(bytes)
	must(t, err)
	return set
}

// seen is what a browser does, told by packets.
func seen(host string, mend ...func(*event.Observation)) source.Observed {
	uid := uint32(1000)
	o := source.Observed{Observation: event.Observation{
		Time: noon, Kind: event.Domain, Name: host, Via: event.ViaTLS, Process: "chrome", UID: &uid, Server: "198.51.100.4:443",
	}}
	for _, m := range mend {
		m(&o.Observation)
	}
	return o
}

// step is an observation so long after the one before.
type step struct {
	after time.Duration
	source.Observed
}

// judged runs steps through a pipeline with pages, and returns its events.
func judged(t *testing.T, steps ...step) ([]wire.Event, pipeline.Counts) {
	t.Helper()
	var events []wire.Event
	var counts pipeline.Counts
	synctest.Test(t, func(t *testing.T) {
		d, logged := &disk{}, &lockedBuilder{}
		p := parts(t, d, logged)
		set := markedRules(t)
		mono := time.Hour
		p.Policy = func(judge func(*rules.Ruleset, uint64, uint64)) { judge(set, 3, 14) }
		p.Clock = func() (time.Time, string, time.Duration) { return noon, "boot", mono }
		p.Pages = pages.New(func(host string) string { return host[max(0, len(host)-10):] })
		h := &house{Pipeline: pipeline.New(p), disk: d, logged: logged}
		for _, s := range steps {
			mono += s.after
			must(t, h.Sink("network").Put(t.Context(), s.Observed))
		}
		h.PolicyArrived()
		h.start(t)()
		events, counts = d.events, h.Counts()
		if logged.String() != "" {
			t.Errorf("logged %s", logged)
		}
	})
	return events, counts
}

func namesOf(events []wire.Event) (names []string) {
	for _, e := range events {
		names = append(names, e.Name)
	}
	return names
}

func TestWhatIsOnTheNoiseListIsNotedAtMost(t *testing.T) {
	events, counts := judged(t, step{0, seen("updates.flagged.test")}, step{0, seen("chatter.test")}, step{0, seen("other.flagged.test")})
	if got := namesOf(events); !slices.Equal(got, []string{"other.flagged.test"}) {
		t.Errorf("sent %q", got)
	}
	if counts.Noise != 2 || counts.Noted != 1 || counts.Flagged != 1 {
		t.Errorf("%+v", counts)
	}
}

// A mistake in the noise list must not bury a child.
func TestG01NoiseQuietsNoLifeRisk(t *testing.T) {
	events, _ := judged(t, step{0, seen("updates.grave.test")})
	if len(events) != 1 || !events[0].Noise {
		t.Errorf("sent %+v; want it, marked", events)
	}
}

func TestG02APartOfAPageIsSaidToBeLikelyOne(t *testing.T) {
	events, _ := judged(t, step{0, seen("news.example")}, step{300 * time.Millisecond, seen("ads.flagged.test")}, step{5 * time.Second, seen("www.flagged.test")})
	if len(events) != 2 || !events[0].ThirdParty || events[1].ThirdParty {
		t.Fatalf("sent %+v", events)
	}
	said := events[0].Why + strings.Join(events[0].NotSeen, ";")
	if !strings.Contains(events[0].Why, "likely a third-party element of another page") || strings.Contains(said, "it may be an advert") {
		t.Errorf("%q, not seen %q", events[0].Why, events[0].NotSeen)
	}
	if !slices.Contains(events[0].NotSeen, rules.SearchesUnseen) {
		t.Errorf("G2: without a source of searches, %q", events[0].NotSeen)
	}
	if strings.Contains(events[1].Why, "third-party") || !slices.Contains(events[1].NotSeen, "it may be an advert or part of another page") {
		t.Errorf("%q, not seen %q", events[1].Why, events[1].NotSeen)
	}
}

// Timing is a guess, and somebody may have followed a link quickly.
func TestG01AGuessByTimeExplainsNoLifeRiskAway(t *testing.T) {
	events, _ := judged(t, step{0, seen("search.example")}, step{300 * time.Millisecond, seen("www.grave.test")})
	if len(events) != 1 || events[0].ThirdParty || strings.Contains(events[0].Why, "third-party") {
		t.Errorf("sent %+v", events)
	}
	onTheLine := seen("www.grave.test", func(o *event.Observation) { o.Via, o.ThirdParty = event.ViaLog, true })
	if events, _ := judged(t, step{0, onTheLine}); len(events) != 1 || !events[0].ThirdParty {
		t.Errorf("what the log itself shows: %+v", events)
	}
}

func TestG10AnAttemptIsWordedAsOne(t *testing.T) {
	events, _ := judged(t, step{0, seen("flagged.test", func(o *event.Observation) { o.Via, o.Attempt = event.ViaDNS, true })})
	if len(events) != 1 || events[0].Outcome != wire.Attempted || !slices.Contains(events[0].NotSeen, "no connection was seen; whether the site opened is not known") {
		t.Errorf("sent %+v", events)
	}
	if s := strings.Join(events[0].NotSeen, ";"); !strings.Contains(s, "looked the name up by itself") {
		t.Errorf("a question alone may be a prefetch, and it says %s", s)
	}
	events, _ = judged(t, step{0, seen("flagged.test", func(o *event.Observation) { o.Attempt = true })}) // cut off
	if s := strings.Join(events[0].NotSeen, ";"); strings.Contains(s, "looked the name up by itself") {
		t.Errorf("a connection that was cut off is no prefetch: %s", s)
	}
}

// A name that was answered, and of which nothing else was seen, may not have been
// opened: Windows tells no more, nor does a DNS server's log.
func TestG02ANameThatWasOnlyLookedUpIsNotSaidToHaveOpened(t *testing.T) {
	for what, how := range map[string]func(o *event.Observation){
		"Windows' resolver":  func(o *event.Observation) { o.Via = event.ViaDNS },
		"a DNS server's log": func(o *event.Observation) { o.Via, o.LogOf = event.ViaLog, event.ViaDNS },
	} {
		events, _ := judged(t, step{0, seen("flagged.test", how)})
		if len(events) != 1 || events[0].Outcome != wire.Unknown {
			t.Fatalf("%s: sent %+v", what, events)
		}
		if s := strings.Join(events[0].NotSeen, ";"); !strings.Contains(s, "whether the site opened is not known") || !strings.Contains(s, "looked the name up by itself") {
			t.Errorf("%s: not seen %s", what, s)
		}
	}
	events, _ := judged(t, step{0, seen("flagged.test", func(o *event.Observation) { o.Via, o.Also = event.ViaDNS, []event.Via{event.ViaTLS} })})
	if s := strings.Join(events[0].NotSeen, ";"); strings.Contains(s, "looked the name up by itself") {
		t.Errorf("seen as a connection too: %s", s)
	}
}

func TestG10AFiltersBlockPageMakesAnAttemptOfTheVisitBefore(t *testing.T) {
	events, _ := judged(t, step{0, seen("flagged.test")}, step{200 * time.Millisecond, seen("stop.school.test")})
	if len(events) != 2 || events[0].Outcome != wire.Connected || events[1].Outcome != wire.Attempted || events[1].Name != "flagged.test" || events[0].ID == events[1].ID {
		t.Fatalf("sent %+v; want the visit at once, and that it was refused", events)
	}
	if s := strings.Join(events[1].NotSeen, ";"); !strings.Contains(s, "block page") {
		t.Errorf("not seen: %s", s)
	}
	// The name led to the page's own address.
	events, _ = judged(t, step{0, seen("flagged.test", func(o *event.Observation) { o.Server = "198.51.100.9:443" })})
	if len(events) != 1 || events[0].Outcome != wire.Attempted {
		t.Errorf("sent %+v", events)
	}
	events, _ = judged(t, step{0, seen("flagged.test")}, step{time.Minute, seen("stop.school.test")})
	if len(events) != 1 {
		t.Errorf("a block page a minute later: %+v", events)
	}
}

func TestWhatHidesVisitsIsCountedWithoutNames(t *testing.T) {
	log := func(o *event.Observation) { o.Via = event.ViaLog }
	_, counts := judged(t, step{0, seen("resolver.test")}, step{0, seen("a.resolver.test", func(o *event.Observation) { o.Count = 4 })},
		step{0, seen("tunnel.test")}, step{0, seen("proxy.test")}, step{0, seen("outer.test", log)}, step{0, seen("outer.test")})
	if want := (pipeline.HiddenCounts{EncryptedDNS: 5, VPN: 1, Proxy: 1, ECH: 1}); counts.Hidden != want {
		t.Errorf("%+v, want %+v", counts.Hidden, want)
	}
	if s := fmt.Sprintf("%+v", counts); strings.Contains(s, ".test") {
		t.Error(s)
	}
}

func TestG01AHelplineIsNeitherCountedNorRemembered(t *testing.T) {
	events, counts := judged(t, step{0, seen("www.childline.org.uk")}, step{100 * time.Millisecond, seen("stop.school.test")})
	if len(events) != 0 || counts != (pipeline.Counts{Judged: 1}) { // the block page alone
		t.Errorf("sent %+v, counted %+v", events, counts)
	}
}

// A batch's events and place stay together, one event or two of a line.
func TestTheEarlierVisitsEventKeepsTheLinesPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, logged := &disk{}, &lockedBuilder{}
		p := parts(t, d, logged)
		set := markedRules(t)
		p.Policy = func(judge func(*rules.Ruleset, uint64, uint64)) { judge(set, 3, 14) }
		p.Pages = pages.New(func(host string) string { return host })
		h := &house{Pipeline: pipeline.New(p), disk: d, logged: logged}
		must(t, h.Sink("weblog").Put(t.Context(), visit("flagged.test", "1")))
		must(t, h.Sink("weblog").Put(t.Context(), visit("stop.school.test", "2")))
		must(t, h.Sink("weblog").Put(t.Context(), source.Observed{Checkpoint: []byte("3")})) // a place alone
		h.PolicyArrived()
		h.start(t)()
		if got := h.disk.names(); !slices.Equal(got, []string{"flagged.test", "flagged.test"}) {
			t.Errorf("sent %q", got)
		}
		if got, want := h.disk.places(), map[string]string{"weblog": "3"}; !maps.Equal(got, want) {
			t.Errorf("places %v", got)
		}
	})
}
