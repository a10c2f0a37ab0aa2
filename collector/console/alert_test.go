package console

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

func TestAnEmptyDayPromisesNothing(t *testing.T) {
	h := newHouse(t)
	b := h.signedIn("dsl")
	want(t, b.get("/"), http.StatusOK, "<h1><span class=\"cap num\">Monday 23 November, 10:46</span>No alerts</h1>", "4 of 5 devices seen today.", wordsMostHarm, wordsSeen)
}

func TestG20AnEmptyInboxSaysMostHarmLeavesNoTrace(t *testing.T) {
	TestAnEmptyDayPromisesNothing(t)
}

func TestUrgentComesFirstAndIsNeverPagedAway(t *testing.T) {
	h := newHouse(t)
	ref := h.urgent()
	var low []model.Event
	for i := range 60 {
		low = append(low, model.Event{
			Device: "device-2", Observed: at(8, 0).Add(-time.Duration(i) * time.Hour), Name: "bets.example", Via: event.ViaDNS, Account: "dp30",
			Category: "gambling", Severity: event.Low, Outcome: model.OutcomeUnknown,
		})
	}
	h.raise(low...)
	h.raise(model.Event{Device: "device-3", Observed: at(10, 12), Name: "far.example", Via: event.ViaDNS, Account: "dp21", Category: "extremism", Severity: event.High})
	b := h.signedIn("dsl")
	for _, target := range []string{"/", "/?from=50"} {
		w := b.get(target)
		want(t, w, http.StatusOK, "1 urgent alert, not read yet", "Before the end of today <span>61</span>", "/a/"+ref)
		if strings.Count(w.Body.String(), "btn main") != 1 {
			t.Error("want one main action")
		}
	}
	first := b.get("/").Body.String()
	if u, hi, lo := strings.Index(first, "m-urgent"), strings.Index(first, "m-high"), strings.Index(first, "m-low"); u > hi || hi > lo {
		t.Error("urgency is out of order")
	}
	if got := strings.Count(first, "m-low"); got != rowsShown-1 {
		t.Errorf("%d low rows, want %d", got, rowsShown-1)
	}
	want(t, b.get("/"), http.StatusOK, `href="/?from=50"`)
	if got := strings.Count(b.get("/?from=50").Body.String(), "m-low"); got != 11 {
		t.Errorf("%d rows on the second page, want 11", got)
	}
	for _, bad := range []string{"/?from=x", "/?from=-1"} {
		want(t, b.get(bad), http.StatusNotFound)
	}
	want(t, b.get("/?from=99999"), http.StatusOK)
}

func TestTheHeadlineIsTheAnswer(t *testing.T) {
	unread := model.Alert{}
	read := model.Alert{FirstRead: monday}
	for _, c := range []struct {
		urgent, rest, taken []model.Alert
		want                string
	}{
		{nil, nil, nil, "No alerts"},
		{nil, nil, []model.Alert{read}, "No alerts waiting"},
		{[]model.Alert{unread}, []model.Alert{unread}, nil, "1 urgent alert, not read yet"},
		{[]model.Alert{unread, read}, nil, nil, "2 urgent alerts, 1 not read yet"},
		{[]model.Alert{read}, nil, nil, "1 urgent alert, nobody has taken it on yet"},
		{nil, []model.Alert{read, read}, nil, "2 alerts, nobody has taken them on yet"},
		{nil, []model.Alert{unread, unread, unread}, nil, "3 alerts, not read yet"},
	} {
		if got := headline(c.urgent, c.rest, c.taken); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestAnAlertSaysWhyHowAndWhatWasNotSeen(t *testing.T) {
	h := newHouse(t)
	ref := h.urgent()
	b := h.signedIn("dsl")
	w := b.get("/a/" + ref)
	want(t, w, http.StatusOK,
		`Signed in as a <span class="nb">Year 9</span> pupil on <span class="nb">LIB-014</span>: a site on the <span class="nb">self-harm</span> list was asked for`,
		"10:41 today, once.", wordsSign, "I am dealing with this", wordsNotAPerson,
		"<b>Life at risk? Call 999</b> and stay with the pupil.", "Childline 0800 1111",
		"One site name, on the self-harm list.", "LIB-014 began an encrypted connection that named the site (TLS).", "LIB-014 looked up the site’s name (DNS).",
		"The program that asked was firefox.", "Likely a part of another page.", "Any page, message or picture: only the site’s name was seen.", wordsSeen,
		"in the pack starter 1", "<b>You</b> (DSL)", "<b>Demo Deputy</b> (deputy)", "The mail is on its way.",
		"it reached us in 2 seconds.", "You read this alert, the first to do so.", "Reference "+ref,
	)
	wantNot(t, w, "Demo Pupil 14", "dp14", "hurting.example")
	// The reading is recorded, and the row now says so.
	if got := h.looks(ref); !slices.Equal(got, []string{"dsl alert"}) {
		t.Errorf("looks: %v", got)
	}
	want(t, b.get("/"), http.StatusOK, "1 urgent alert, nobody has taken it on yet", "Read by you at 10:46.")
}

func TestG02TheAlertSaysSearchesAreNotSeen(t *testing.T) {
	h := newHouse(t)
	ref := h.urgent()
	b := h.signedIn("dsl")
	want(t, b.get("/"), http.StatusOK, wordsSeen)
	want(t, b.get("/a/"+ref), http.StatusOK, wordsSeen)
}

func TestG03WhatIsNotTheirsLooksLikeNothing(t *testing.T) {
	h := newHouse(t)
	ref := h.urgent()
	// The deputy is also the pupil's account here: never about themselves.
	_, err := h.store.DB().ExecContext(t.Context(), `UPDATE users SET account = 'dp14' WHERE id = 'deputy'`)
	must(t, err)
	held := h.heldAlert()
	for _, who := range []string{"deputy", "head", "it"} {
		b := h.signedIn(who)
		wantNot(t, b.get("/"), ref, held, "LIB-014")
		for _, path := range []string{"/a/%s", "/a/%s/take", "/a/%s/name", "/a/%s/words"} {
			ask := b.get
			if strings.Count(path, "/") == 3 {
				ask = func(target string) *httptest.ResponseRecorder { return b.post(target) }
			}
			nothing := ask(strings.ReplaceAll(path, "%s", "7KQ2M4XT"))
			for _, secret := range []string{ref, held} {
				got := ask(strings.ReplaceAll(path, "%s", secret))
				if got.Code != http.StatusNotFound || got.Body.String() != nothing.Body.String() || !sameHeaders(got, nothing) {
					t.Errorf("%s learns from %s that it exists: %d\n%s", who, path, got.Code, got.Body)
				}
			}
		}
	}
	if got := h.looks(ref); len(got) != 0 {
		t.Errorf("looks at what was not shown: %v", got)
	}
	want(t, h.signedIn("dsl").get("/a/"+held), http.StatusNotFound)
}

// heldAlert raises an alert about an account that no roster names.
func (h *house) heldAlert() string {
	return h.raise(model.Event{Device: "device-2", Observed: at(9, 0), Name: "far.example", Via: event.ViaDNS, Account: "nobody-knows", Category: "extremism", Severity: event.High})
}

func sameHeaders(a, b *httptest.ResponseRecorder) bool {
	for name := range a.Header() {
		if a.Header().Get(name) != b.Header().Get(name) {
			return false
		}
	}
	return len(a.Header()) == len(b.Header())
}

func TestThoseWithoutAlertsAreToldWhatTheyCanDo(t *testing.T) {
	h := newHouse(t)
	h.urgent()
	want(t, h.signedIn("head").get("/"), http.StatusOK, "You are signed in as the head.", "nor how many there are")
	if w := h.signedIn("it").get("/"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/devices" {
		t.Errorf("IT begins at %d %q", w.Code, w.Header().Get("Location"))
	}
}

func TestTakingAnAlertOnWorksOnce(t *testing.T) {
	h := newHouse(t)
	ref := h.urgent()
	dsl, deputy := h.signedIn("dsl"), h.signedIn("deputy")
	var wg sync.WaitGroup
	for _, b := range []*browser{dsl, deputy, dsl, deputy} {
		wg.Go(func() { (&browser{h: h, cookie: b.cookie, header: http.Header{}}).post("/a/" + ref + "/take") })
	}
	wg.Wait()
	a := h.alerts()[0]
	mine, theirs, name := dsl, deputy, "Demo DSL"
	if a.AcknowledgedBy == "deputy" {
		mine, theirs, name = deputy, dsl, "Demo Deputy"
	}
	h.pass(time.Minute)
	want(t, mine.get("/a/"+ref), http.StatusOK, "You have this, since 10:46.", "You took this on.")
	want(t, theirs.get("/a/"+ref), http.StatusOK, name+" has this, since 10:46.", name+" took this on.")
	want(t, theirs.post("/a/"+ref+"/take"), http.StatusOK, name+" has this, since 10:46.", "Somebody was before you")
	want(t, mine.post("/a/"+ref+"/take"), http.StatusSeeOther)
	wantNot(t, theirs.get("/a/"+ref), "I am dealing with this")
	want(t, theirs.get("/"), http.StatusOK, "No alerts waiting", "1 alert is being dealt with.", "With "+name+" since 10:46.")
}

func TestANameIsRecordedBeforeItIsShown(t *testing.T) {
	h := newHouse(t)
	ref := h.urgent()
	b := h.signedIn("dsl")
	want(t, b.get("/a/"+ref+"/name"), http.StatusNotFound)
	w := b.post("/a/"+ref+"/name", "from", "today")
	want(t, w, http.StatusOK, "Demo Pupil 14", "1 urgent alert, not read yet")
	if got := w.Header().Get("Refresh"); got != "60; url=/" {
		t.Errorf("the page is covered again by %q", got)
	}
	if got := h.looks(ref); !slices.Equal(got, []string{"dsl name"}) {
		t.Errorf("looks: %v", got)
	}
	w = b.post("/a/"+ref+"/name", "from", "alert")
	want(t, w, http.StatusOK, "Demo Pupil 14", "Signed in as a ")
	if got := w.Header().Get("Refresh"); got != "60; url=/a/"+ref {
		t.Errorf("the page is covered again by %q", got)
	}
	b.header = http.Header{"Accept": {"application/json"}}
	want(t, b.post("/a/"+ref+"/name"), http.StatusOK, `{"name":"Demo Pupil 14"}`)
	if got := h.looks(ref); !slices.Equal(got, []string{"dsl alert", "dsl name", "dsl name", "dsl name"}) {
		t.Errorf("looks: %v", got)
	}
	b.header = http.Header{}
	wantNot(t, b.get("/"), "Demo Pupil 14")
}

func TestWordsAreRecordedBeforeTheyAreShown(t *testing.T) {
	h := newHouse(t)
	ref := h.urgent()
	b := h.signedIn("dsl")
	want(t, b.get("/a/"+ref), http.StatusOK, "Show the site’s name (recorded)")
	w := b.post("/a/" + ref + "/words")
	want(t, w, http.StatusOK, "hurting.example")
	wantNot(t, w, `href="http://hurting`, `href="https://hurting`, "Demo Pupil 14")
	if w.Header().Get("Refresh") == "" {
		t.Error("the words stay uncovered")
	}
	if got := h.looks(ref); !slices.Equal(got, []string{"dsl alert", "dsl alert", "dsl words"}) {
		t.Errorf("looks: %v", got)
	}
}

// deaf is a store that cannot write access rows.
type deaf struct{ Store }

func (deaf) RecordAccess(context.Context, model.Access) error { return errors.New("disk full") }

func TestWhatCannotBeRecordedIsNotShown(t *testing.T) {
	h := newHouse(t)
	ref := h.urgent()
	b := h.signedIn("dsl")
	h.handler = h.build(deaf{h.store}).Handler()
	for _, w := range []*httptest.ResponseRecorder{
		b.get("/"), b.get("/a/" + ref), b.post("/a/"+ref+"/name", "from", "today"), b.post("/a/" + ref + "/name"), b.post("/a/" + ref + "/words"),
	} {
		want(t, w, http.StatusInternalServerError, "This page could not be shown", "alerts are still kept and mailed")
		wantNot(t, w, "LIB-014", "Demo Pupil", "hurting.example", "disk full", "self-harm")
	}
	if a := h.alerts()[0]; !a.FirstRead.IsZero() {
		t.Error("it counts as read")
	}
	if !strings.Contains(h.logged.String(), "disk full") {
		t.Error("the log does not say why")
	}
}

func TestG11TheLogHoldsNoNamesHostsOrWords(t *testing.T) {
	h := newHouse(t)
	ref := h.urgent()
	b := h.signedIn("dsl")
	b.get("/a/" + ref)
	b.post("/a/" + ref + "/name")
	b.post("/a/" + ref + "/words")
	h.handler = h.build(deaf{h.store}).Handler()
	b.get("/a/" + ref)
	h.browser().post("/sign-in", "email", "dsl@larkmoor.example", "password", "wrong")
	for _, secret := range []string{"Demo", "dp14", "hurting", "self-harm", "LIB-014", "@larkmoor", password} {
		if strings.Contains(h.logged.String(), secret) {
			t.Errorf("the log says %q:\n%s", secret, h.logged)
		}
	}
}

func TestALateAlertSaysSo(t *testing.T) {
	h := newHouse(t)
	friday := time.Date(2026, 11, 20, 23, 10, 0, 0, time.UTC)
	ref := h.raise(model.Event{
		Device: "device-2", Observed: friday, Received: at(8, 41), Late: true, Name: "chat.example", Via: event.ViaDNS, Account: "dp03",
		Category: "strangers", Severity: event.High, Outcome: model.OutcomeUnknown,
	})
	b := h.signedIn("dsl")
	want(t, b.get("/"), http.StatusOK, "Friday 23:10", "arrived late", "so it arrived at 08:41.", "Whether the site opened is not known.")
	want(t, b.get("/a/"+ref), http.StatusOK, "Friday 23:10, once.", "so it arrived at 08:41.", "it reached us in 2 days.")
}

func TestCoverHidesThePageWithoutScript(t *testing.T) {
	h := newHouse(t)
	ref := h.urgent()
	b := h.signedIn("dsl")
	want(t, b.get("/a/"+ref), http.StatusOK, `href="/cover?next=%2fa%2f`+ref+`"`)
	w := b.get("/cover?next=%2fa%2f" + ref)
	want(t, w, http.StatusOK, `href="/a/`+ref+`"`, "<title>Safelight</title>")
	want(t, b.get("/cover?next=//elsewhere.example"), http.StatusOK, `href="/"`)
}

func TestATemplateThatFailsShowsNothingHalf(t *testing.T) {
	h := newHouse(t)
	w := httptest.NewRecorder()
	h.console.render(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, "alert", page{View: "not an alert"})
	want(t, w, http.StatusInternalServerError, "alerts are still kept and mailed")
	wantNot(t, w, "<html")
}

func TestTheRulesNameDoesNotGiveAwayWhatIsCovered(t *testing.T) {
	for rule, shown := range map[string]bool{
		"self-harm/sh-001": true, "bypass/by-016": true, "self-harm/hurting.example": false, "bypass/program/tunnel": false,
		"gambling/xn--abc-1.example": false, "": false,
	} {
		if got := ruleShown(rule, false); (got == rule && rule != "") != shown {
			t.Errorf("rule %q, covered: shows %q", rule, got)
		}
		if got := ruleShown(rule, true); got != rule {
			t.Errorf("rule %q, uncovered: shows %q", rule, got)
		}
	}
}
