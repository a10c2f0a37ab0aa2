package console

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/collector/fleet"
	"safelight/collector/model"
	safelightv1 "safelight/proto/safelight/v1"
)

func TestITBeginsAtDevicesAndSeesTheLedgerAddUp(t *testing.T) {
	h := newHouse(t)
	h.term()
	b := h.signedIn("it")
	if w := b.get("/"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/devices" {
		t.Fatalf("IT begins at %d %q", w.Code, w.Header().Get("Location"))
	}
	w := b.get("/devices")
	// 16 of 20 listed are enrolled; the house's five; 32 tablets in a log; 12 guests.
	want(t, w, http.StatusOK, "11 of 69 devices are proven to be monitored",
		"1 device hides what it looks up", `<a href="/devices/lt0">LT-101</a>`, "214 times by encrypted DNS (DNS over HTTPS)", "Turn DNS over HTTPS off in the browsers’ policies",
		"2 devices are silent", "LT-115", "Last heard from on Thursday 18:46", "LT-116", "Last heard from on 12 November, 10:46",
		"The program source sees nothing: the session could not be opened", "No check was made on it yet.",
		"seen by a network log only", "not monitored", "It is issued, and was never enrolled.", "issued or admitted", "Events lost: 0", "nothing was heard from it yet")
	wantNot(t, w, "Demo Pupil", "dp14", "self-harm")
	l, err := h.desk.Ledger(t.Context())
	must(t, err)
	sum := 0
	for _, line := range ledgerLines(l, true) {
		sum += line.N
		if line.Link != "" {
			want(t, b.get(line.Link), http.StatusOK, plural(line.N, "", "")[:1])
		}
	}
	if sum != 69 || l.Issued != 69 {
		t.Errorf("the lines add up to %d of %d, want 69", sum, l.Issued)
	}
}

// TestG03DevicePagesHoldNothingOfPupils: an alert about a device changes no byte of
// what IT sees of it.
func TestG03DevicePagesHoldNothingOfPupils(t *testing.T) {
	h := newHouse(t)
	h.term()
	b := h.signedIn("it")
	paths := []string{"/devices", "/devices/all", "/devices/all?q=LIB-014", "/devices/device-1", "/coverage", "/enrol"}
	before := map[string]string{}
	for _, p := range paths {
		w := b.get(p)
		want(t, w, http.StatusOK)
		before[p] = w.Body.String()
	}
	h.day()
	for _, p := range paths {
		if got := b.get(p).Body.String(); got != before[p] {
			t.Errorf("%s is another page since there is an alert", p)
		}
	}
}

func TestOneDeviceSaysWhyAndWhatToDo(t *testing.T) {
	h := newHouse(t)
	h.term()
	b := h.signedIn("it")
	want(t, b.get("/devices/lt1"), http.StatusOK, "LT-102", "It is not proven to be monitored.", "Why it is not proven",
		"The program source sees nothing", "Windows 11 Pro 24H2", "Trolley B", "In the export of Intune", "Sites, from the network", "Unavailable (through Windows’ event tracing, ETW;", "4,210",
		"Programs are not seen any more.", "Yes, end its access", `action="/devices/lt1/check"`)
	want(t, b.get("/devices/lt3"), http.StatusOK, "It is proven to be monitored.", "What else to know", "Its clock is 10 minutes ahead.")
	want(t, b.get("/devices/lt5"), http.StatusOK, "It runs version v1.1.0; the collector runs v1.2.0.")
	for _, nobody := range []string{"/devices/lt99", "/devices/%00", "/devices/..%2f", "/devices/" + strings.Repeat("a", 4000)} {
		if w := b.get(nobody); w.Code != http.StatusNotFound {
			t.Errorf("%.40s answers %d", nobody, w.Code)
		}
	}
}

func TestRevokingADeviceTakesItOutOfTheLedger(t *testing.T) {
	h := newHouse(t)
	h.term()
	b := h.signedIn("it")
	w := b.post("/devices/lt15/revoke")
	if w.Code != http.StatusSeeOther {
		t.Fatalf("status %d", w.Code)
	}
	want(t, b.get(w.Header().Get("Location")), http.StatusOK, "Its access has ended.", "1 device is silent")
	d, err := h.store.Device(t.Context(), school, "lt15")
	if must(t, err); d.Revoked.IsZero() {
		t.Error("it is not revoked")
	}
	for _, again := range []string{"/devices/lt15/revoke", "/devices/none/revoke"} {
		if w := b.post(again); w.Code != http.StatusNotFound {
			t.Errorf("%s answers %d", again, w.Code)
		}
	}
	b.header.Set("Sec-Fetch-Site", "cross-site")
	if w := b.post("/devices/lt14/revoke"); w.Code != http.StatusForbidden {
		t.Errorf("a press from another site: %d", w.Code)
	}
}

func TestDevicesAreFoundByNameNumberSiteAndStanding(t *testing.T) {
	h := newHouse(t)
	h.term()
	b := h.signedIn("it")
	for query, parts := range map[string][]string{
		"q=lt-10":              {"9 of 69 devices", "LT-101", "LT-109"},
		"q=5CD1019":            {"1 of 69 devices", "LT-120", "Not monitored", "No agent"},
		"stand=silent":         {"2 of 69 devices", "LT-115"},
		"stand=log":            {"32 of 69 devices", "Tablets"},
		"q=trolley+b&from=0":   {"20 of 69 devices"},
		"q=nothing+like+it":    {"0 of 69 devices", "No device is like that."},
		"stand=%3Cscript%3E":   {"0 of 69 devices"},
		"q=%22%3E%3Cscript%3E": {"&#34;&gt;&lt;script&gt;"},
		"from=9999":            {"69 of 69 devices", "No device is like that.", "Previous page"},
	} {
		want(t, b.get("/devices/all?"+query), http.StatusOK, parts...)
	}
	if w := b.get("/devices/all?from=-1"); w.Code != http.StatusNotFound {
		t.Errorf("from=-1 answers %d", w.Code)
	}
}

// TestCoverageIsReadByBothAndChangedByITAlone: safeguarding answers for it (D9), and
// sees numbers.
func TestCoverageIsReadByBothAndChangedByITAlone(t *testing.T) {
	h := newHouse(t)
	h.term()
	it, dsl := h.signedIn("it"), h.signedIn("dsl")
	for _, b := range []*browser{it, dsl} {
		want(t, b.get("/coverage"), http.StatusOK, "11 of 69 devices are proven", "By kind", "By site", "No site", "Intune (intune-devices.csv), taken over on Friday 20 November 2026, 10:46.", "32 tablets at main, whose sites stand in a log that a device follows.")
	}
	w := dsl.get("/coverage")
	wantNot(t, w, "<form method=\"post\" action=\"/coverage", "LT-101", "/devices")
	if w := dsl.post("/coverage/expect", "kind", "guest", "count", "0"); w.Code != http.StatusNotFound {
		t.Errorf("the DSL changes a number: %d", w.Code)
	}
	for _, c := range []struct{ kind, site, count, says string }{
		{"guest", "", "", wordsCount},
		{"guest", "", "-1", wordsCount},
		{"guest", "", "many", wordsCount},
		{"guest", "", "100001", wordsCount},
		{"toaster", "", "3", wordsKind},
		{"guest", "nowhere", "3", wordsKind},
	} {
		want(t, it.post("/coverage/expect", "kind", c.kind, "site", c.site, "count", c.count), http.StatusUnprocessableEntity, "Error: "+c.says)
	}
	if w := it.post("/coverage/expect", "kind", "guest", "site", "main", "count", " 30 ", "in_log", "1"); w.Code != http.StatusSeeOther {
		t.Fatalf("status %d\n%s", w.Code, w.Body)
	}
	want(t, it.get("/coverage?saved"), http.StatusOK, "The number is kept.", "of 99 devices are proven", "30 guests’ and personal devices at main, whose sites stand in a log that a device follows.")
	must(t, h.store.RecordAccess(t.Context(), model.Access{School: school, At: h.now(), What: "nothing"}))
}

// TestATokenIsEndedByITAlone, once they said yes, and by no other website's form.
func TestATokenIsEndedByITAlone(t *testing.T) {
	h := newHouse(t)
	h.term()
	b := h.signedIn("it")
	works := func() bool {
		tokens, err := h.store.Tokens(t.Context(), school)
		must(t, err)
		return tokens[slices.IndexFunc(tokens, func(one model.Token) bool { return one.ID == "made1" })].Ended.IsZero()
	}
	want(t, b.post("/enrol", "site", "main", "uses", "30", "life", "7"), http.StatusOK)
	want(t, b.get("/enrol"), http.StatusOK, "0 of 30 used", `action="/enrol/made1/end"`, "Yes, end this token", "its id begins made1")
	for _, id := range []string{"dsl", "deputy", "head"} {
		if w := h.signedIn(id).post("/enrol/made1/end"); w.Code != http.StatusNotFound || !works() {
			t.Errorf("%s ends a token: %d", id, w.Code)
		}
	}
	b.header.Set("Sec-Fetch-Site", "cross-site")
	if w := b.post("/enrol/made1/end"); w.Code != http.StatusForbidden || !works() {
		t.Errorf("a press from another site: %d", w.Code)
	}
	b.header.Del("Sec-Fetch-Site")
	for _, none := range []string{"made2", "..%2fmade1", strings.Repeat("a", 4000)} {
		if w := b.post("/enrol/" + none + "/end"); w.Code != http.StatusNotFound || !works() {
			t.Errorf("%.40s answers %d", none, w.Code)
		}
	}
	w := b.post("/enrol/made1/end")
	if w.Code != http.StatusSeeOther || works() {
		t.Fatalf("IT ends it: %d", w.Code)
	}
	page := b.get(w.Header().Get("Location"))
	want(t, page, http.StatusOK, "The token has ended.")
	wantNot(t, page, "made1")
}

// TestATokenIsShownOnce, and none is made for another website's form.
func TestATokenIsShownOnce(t *testing.T) {
	h := newHouse(t)
	h.term()
	b := h.signedIn("it")
	want(t, b.get("/enrol"), http.StatusOK, "Add devices", "How many devices", "<option>main</option>")
	for _, c := range []struct{ site, uses, life, says string }{
		{"main", "0", "1", wordsUses}, {"main", "x", "1", wordsUses}, {"main", "10001", "1", wordsUses}, {"main", "1", "2", "Choose how long"}, {"nowhere", "1", "1", "Choose a site"},
	} {
		want(t, b.post("/enrol", "site", c.site, "uses", c.uses, "life", c.life), http.StatusUnprocessableEntity, c.says)
	}
	if h.desk.made != 0 {
		t.Errorf("%d tokens were made of wrong forms", h.desk.made)
	}
	w := b.post("/enrol", "site", "main", "uses", "30", "life", "7")
	const token = "SL1.an-invented-token-1"
	want(t, w, http.StatusOK, "A token for 30 devices of main", "It is shown this once", "<pre data-copy=\"Copy the token\">"+token, "TOKEN="+token, "token: "+token, "--enrol-file enrol.conf")
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("the page may be kept: %q", got)
	}
	again := b.get("/enrol")
	want(t, again, http.StatusOK, "0 of 30 used; works until 30 November, 10:46; made ", " by you")
	wantNot(t, again, token)
	if strings.Contains(h.logged.String(), token) {
		t.Error("the token stands in the log")
	}
	if w := h.signedIn("dsl").post("/enrol", "site", "main", "uses", "1", "life", "1"); w.Code != http.StatusNotFound || h.desk.made != 1 {
		t.Errorf("the DSL makes a token: %d", w.Code)
	}
	b.header.Set("Sec-Fetch-Site", "cross-site")
	if w := b.post("/enrol", "site", "main", "uses", "1", "life", "1"); w.Code != http.StatusForbidden || h.desk.made != 1 {
		t.Errorf("a press from another site: %d", w.Code)
	}
}

// TestASignInLeadsBackToDevices: to the page that was asked for, of those that there
// are.
func TestASignInLeadsBackToDevices(t *testing.T) {
	h := newHouse(t)
	for asked, next := range map[string]string{"/devices": "/devices", "/coverage": "/coverage", "/devices/" + strings.Repeat("a", 26): "/devices/" + strings.Repeat("a", 26), "/devices/../x": "", "/nowhere": ""} {
		w := h.browser().get(asked)
		to, err := url.Parse(w.Header().Get("Location"))
		if must(t, err); to.Query().Get("next") != next {
			t.Errorf("%s leads to %q, want next %q", asked, to, next)
		}
	}
}

func TestITReadsOfACopiedImageInOneLineWithTheNumber(t *testing.T) {
	h := newHouse(t)
	h.term()
	h.desk.Copies = func(time.Time) map[string]model.Copied {
		return map[string]model.Copied{"lt3": {Noticed: 299, Waiting: 12, First: h.now()}}
	}
	b := h.signedIn("it")
	w := b.get("/devices")
	want(t, w, http.StatusOK, "Copied disks", "LT-104 was copied after it had enrolled: 299 copies called with its key, and 12 of them are not devices of their own yet")
	want(t, b.get("/devices/lt3"), http.StatusOK, "It is not proven to be monitored.", "It was copied after it had enrolled: 299 copies")
}

// wordsOfPrograms are what a page must not say to people.
var wordsOfPrograms = regexp.MustCompile(`\b[a-z0-9]+(_[a-z0-9]+)+\b`)

// TestNoWordOfProgramsReachesAPageOfDevices: whatever hides names, and whatever a device
// says of itself, is told in plain words.
func TestNoWordOfProgramsReachesAPageOfDevices(t *testing.T) {
	h := newHouse(t)
	h.term()
	words := strings.Join(slices.Sorted(maps.Keys(model.HidingWords)), ", ")
	hides := func(st *safelightv1.AgentStatus) {
		st.Hidden = map[string]uint64{"no_name": 99, "quic_unknown": 99}
		for what := range model.HidingWords {
			st.Hidden[what] = 99
		}
		st.Sources[0].State, st.Sources[0].Detail = "unavailable", "it may be that own_resolver or encrypted_dns hide it"
		st.Sources[1].Way, st.Sources[1].Detail = "some_way", "a_word of programs"
	}
	h.say("lt2", hides)
	h.desk.checks["lt2"] = fleet.Checked{At: h.now(), Failed: model.SayResult(model.CheckResult{
		Source: "network", What: model.CheckDNS, Outcome: model.CheckNotSeen, Detail: "met since the agent's start, and able to hide it: " + words,
	})}
	must(t, h.store.NoteDeviceHealth(t.Context(), school, "lt2", "source-lost", "Names are not seen: encrypted_dns.", h.now()))
	must(t, h.store.NoteDeviceHealth(t.Context(), school, "lt2", model.HealthSplitsHeld, "x", h.now()))
	h.checked("lt2", h.now(), model.CheckBody{Hidden: model.HiddenCounts{"encrypted_dns": 5, "own_resolver": 5}, Results: []model.CheckResult{
		{Source: "network", What: model.CheckDNS, Outcome: model.CheckNotSeen, Detail: "met since the agent's start, and able to hide it: " + words},
	}})
	b := h.signedIn("it")
	for _, path := range []string{"/devices", "/devices/all", "/devices/lt2", "/coverage", "/checks", "/today"} {
		w := b.get(path)
		if w.Code != http.StatusOK && path != "/today" {
			t.Errorf("%s: %d", path, w.Code)
		}
		text := regexp.MustCompile(`(?s)<[^>]*>`).ReplaceAllString(w.Body.String(), " ")
		if found := wordsOfPrograms.FindAllString(text, -1); len(found) > 0 {
			t.Errorf("%s says %q", path, found)
		}
	}
	want(t, b.get("/devices/lt2"), http.StatusOK, "able to hide it: encrypted DNS (DNS over QUIC), encrypted DNS (DNS over TLS), Encrypted Client Hello", "a browser that looks names up by itself", "Copies of it had to wait")
}
