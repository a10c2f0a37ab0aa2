package console

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAWeekThatIsUnderWayIsNotReportedAsMissed: on a Monday most devices have time
// until Sunday; only afterwards is a check one that did not come.
func TestAWeekThatIsUnderWayIsNotReportedAsMissed(t *testing.T) {
	h := newHouse(t)
	h.checkedWeek()
	b := h.signedIn("it")
	w := b.get("/checks")
	want(t, w, http.StatusOK, "3 of 5 devices have passed so far", "1 device has no check yet", `data-l="No check yet"`, "no check yet</dd>")
	wantNot(t, w, "no check came", "No check came")
	h.pass(7 * 24 * time.Hour)
	w = h.signedIn("it").get("/checks/" + thisWeek)
	want(t, w, http.StatusOK, "3 of 5 devices passed", "No check came from 1 device", "no check came</dd>", "That week")
	wantNot(t, w, "so far", "check yet")
}

// TestTheWeeksPageIsEvidenceYearsLater: each time on it stands with its day and year,
// whenever it is read.
func TestTheWeeksPageIsEvidenceYearsLater(t *testing.T) {
	h := newHouse(t)
	h.checkedWeek()
	b := h.signedIn("it")
	b.post("/checks/"+thisWeek+"/record", "kind", "action", "what", "SCI-007", "done", "Mended")
	b.post("/checks/" + thisWeek + "/sign")
	for range 2 {
		b = h.signedIn("it")
		want(t, b.get("/checks/"+thisWeek), http.StatusOK, "Week of Monday 23 November 2026", "Demo IT, Monday 23 November 2026, 10:46: “", "Monday 23 November 2026, 10:46, Demo IT",
			"Tried by Safelight itself, on Monday 23 November 2026, 09:50.")
		h.pass(400 * 24 * time.Hour)
	}
	want(t, h.signedIn("it").get("/checks"), http.StatusOK, `<p class="paper">Larkmoor School, Safelight</p>`)
}

func TestWhatFailedLeadsITToTheDeviceAndSafeguardingNowhere(t *testing.T) {
	h := newHouse(t)
	h.checkedWeek()
	want(t, h.signedIn("it").get("/checks"), http.StatusOK, `<a href="/devices/device-3">SCI-007</a>`, `<a href="/devices/device-5">LIB-003</a>`, `<a href="/devices">Devices</a>`)
	wantNot(t, h.signedIn("dsl").get("/checks"), "/devices")
}

// TestEachFormAsksForNoMoreThanItsKindNeeds: what a signature waits for takes two
// fields, and its form is open.
func TestEachFormAsksForNoMoreThanItsKindNeeds(t *testing.T) {
	h := newHouse(t)
	h.checkedWeek()
	b := h.signedIn("it")
	page := b.get("/checks").Body.String()
	for form, fields := range map[string]int{"act": 2, "ask": 3, "try": 6} {
		_, rest, _ := strings.Cut(page, `id="write-`+form+`"`)
		one, _, _ := strings.Cut(rest, "</details>")
		if n := strings.Count(one, `type="text"`); n != fields {
			t.Errorf("%s has %d fields, want %d", form, n, fields)
		}
		if open := strings.HasPrefix(rest, " open"); open != (form == "act") {
			t.Errorf("%s is open: %v", form, open)
		}
	}
	// What was typed stays in its form, and in no other.
	w := b.post("/checks/"+thisWeek+"/record", "kind", "feedback", "what", "Two teachers")
	want(t, w, http.StatusUnprocessableEntity, `id="write-ask" open`, `id="ask-what" name="what" type="text" value="Two teachers"`, `id="act-what" name="what" type="text" value=""`,
		`href="#ask-found"`, `aria-describedby="ask-found-error"`)
	// A refused signature leads to what it waits for.
	want(t, b.post("/checks/"+thisWeek+"/sign"), http.StatusUnprocessableEntity, `href="#act-done"`, `id="write-act" open`)
	h.pass(time.Second)
	for _, wrong := range []string{"", "on", "maybe"} {
		want(t, b.post("/checks/"+thisWeek+"/record", "kind", "monitor", "what", "By hand", "worked", wrong, "done", "x"), http.StatusUnprocessableEntity, `href="#try-worked"`, `id="try-worked-error"`)
	}
}

func TestAPressOnTheWeeksPageIsAnswered(t *testing.T) {
	h := newHouse(t)
	h.checkedWeek()
	b := h.signedIn("it")
	for _, c := range []struct {
		path, says string
		pairs      []string
	}{
		{"/checks/" + thisWeek + "/record", "It is written down below.", []string{"kind", "action", "what", "SCI-007", "done", "Mended"}},
		{"/checks/" + thisWeek + "/sign", "Your signature is kept.", nil},
		{"/checks/request", "The devices are asked to check themselves now.", nil},
	} {
		w := b.post(c.path, c.pairs...)
		if w.Code != http.StatusSeeOther {
			t.Fatalf("%s: %d", c.path, w.Code)
		}
		want(t, b.get(w.Header().Get("Location")), http.StatusOK, `<p class="has said" role="status">`+c.says)
	}
	wantNot(t, b.get("/checks/"+thisWeek+"?%3Cb%3E"), `class="has said"`)
}
