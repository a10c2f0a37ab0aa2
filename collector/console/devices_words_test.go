package console

import (
	"net/http"
	"strings"
	"testing"

	"safelight/collector/model"
)

// TestALineOfTheCountsAddsUp: what is enrolled and not proven has a column of its own;
// without it somebody adds the others and finds devices missing.
func TestALineOfTheCountsAddsUp(t *testing.T) {
	h := newHouse(t)
	h.term()
	l, err := h.desk.Ledger(t.Context())
	must(t, err)
	unproven := 0
	for _, line := range append(kindLines(l), siteLines(l)...) {
		if line.Unproven() < 0 || line.Proven+line.Unproven()+line.Log+line.None != line.Issued {
			t.Errorf("%+v does not add up", line)
		}
		unproven += line.Unproven()
	}
	enrolled := 0
	for _, s := range []model.Standing{model.StandingUnproven, model.StandingHidden, model.StandingSilent, model.StandingRemoved, model.StandingOff} {
		enrolled += l.Counts[s]
	}
	if unproven != 2*enrolled || enrolled == 0 { // by kind and by site
		t.Errorf("%d stand as not proven in two tables, want %d in each", unproven, enrolled)
	}
	want(t, h.signedIn("dsl").get("/coverage"), http.StatusOK, `<td class="r" data-l="Not proven">5</td>`)
}

func TestLargeNumbersAreReadable(t *testing.T) {
	for n, says := range map[any]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -100: "-100", uint64(1204210): "1,204,210", 12345: "12,345"} {
		if got := num(n); got != says {
			t.Errorf("%v is written %s, want %s", n, got, says)
		}
	}
	h := newHouse(t)
	h.crowd()
	b := h.signedIn("it")
	want(t, b.get("/devices"), http.StatusOK, "of 2,205 devices are", "Show all 2,160", `<dt class="n">2,160</dt>`, "1,200 devices</dt>")
	want(t, b.get("/devices/all?from=50"), http.StatusOK, "2,205 of 2,205 devices", "Page 2 of 21", `rel="prev">Previous page`, `rel="next">Next page`)
	want(t, b.get("/devices/cr0"), http.StatusOK, "1,204,210")
}

// TestCheckingADeviceIsAnswered: the page that comes back says that something happened,
// and what to do; and a device that is proven can be checked as well.
func TestCheckingADeviceIsAnswered(t *testing.T) {
	h := newHouse(t)
	h.term()
	b := h.signedIn("it")
	for id, name := range map[string]string{"lt1": "LT-102", "lt3": "LT-104"} {
		page := b.get("/devices/" + id)
		want(t, page, http.StatusOK, "<title>"+name+" - Safelight</title>", `action="/devices/`+id+`/check"`)
		wantNot(t, page, "is asked to check itself")
		w := b.post("/devices/" + id + "/check")
		want(t, b.get(w.Header().Get("Location")), http.StatusOK, `role="status">`+name+" is asked to check itself. While it is connected")
	}
}

// TestWhatAllOfAGroupNeedIsSaidOfEach: "switch it on" under a heading of two devices
// leaves open which.
func TestWhatAllOfAGroupNeedIsSaidOfEach(t *testing.T) {
	h := newHouse(t)
	h.term()
	b := h.signedIn("it")
	want(t, b.get("/devices"), http.StatusOK, "For each: Switch it on, or find out where it is.", `action="/devices/all" role="search"`, "12 devices</dt>")
	want(t, b.get("/devices/all?q=nothing+like+it"), http.StatusOK, `<a href="/devices/all">Show all devices</a>`)
}

func TestASchoolWithoutASiteIsToldHowToAddOne(t *testing.T) {
	h := newHouse(t)
	b := h.signedIn("it")
	want(t, b.get("/enrol"), http.StatusOK, "No site is set up.", "safelight-collector site set NAME")
	h.term()
	wantNot(t, b.get("/enrol"), "No site is set up.")
}

// TestWhatGoesWrongSendsNobodyToAPageThatIsNotTheirs: these pages do not know who
// reads them, and IT has no Today.
func TestWhatGoesWrongSendsNobodyToAPageThatIsNotTheirs(t *testing.T) {
	for _, m := range []message{messageBroken, messageBadForm, messageCrossOrigin} {
		if said := m.Label + strings.Join(m.Lines, " "); m.Link != "/" || strings.Contains(said, "Today") || strings.Contains(said, "tell IT") {
			t.Errorf("%s: %s", m.Title, said)
		}
	}
}
