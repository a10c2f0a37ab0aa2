package console

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
)

const thisWeek = "2026-W48"

func TestTheWeeksPageSaysWhatPassedWhatFailedAndWhatDidNotCome(t *testing.T) {
	h := newHouse(t)
	h.checkedWeek()
	for _, who := range []string{"it", "dsl", "deputy"} {
		w := h.signedIn(who).get("/checks")
		want(t, w, http.StatusOK, "3 of 5 devices have passed so far", "Week of Monday 23 November 2026", "1 device failed", "SCI-007", "Looking up a made-up site (DNS) was not seen: the source is unavailable", "may not open a packet socket",
			"1 device has no check yet", "LIB-003", "A new system version: Debian GNU/Linux 13 (trixie), before Debian GNU/Linux 12 (bookworm) on 1 device", "tor-browser",
			"The test page “Maker’s test page” was blocked, as it should be: another page came.", "Told beforehand: Demo Filter Owner.", "Not tried",
			"Encrypted DNS (DNS over TLS), on 1 device.", "A VPN service, on 1 device.")
		if strings.Contains(w.Body.String(), "unheard-of") || strings.Contains(w.Body.String(), "The week before is") {
			t.Error("the page says what nobody knows, or misses signatures of a week before any device")
		}
	}
	want(t, h.signedIn("it").get("/checks/2026-W47"), http.StatusOK, "No device is enrolled", "/checks/2026-W48")
}

func TestAWeekThatIsNoneOrHasNotComeIsNothing(t *testing.T) {
	h := newHouse(t)
	b := h.signedIn("it")
	for _, week := range []string{"2026-W49", "2027-W53", "2026-W00", "x", "2026-W48x", "2026-W4", "%2e%2e", "2026-W99"} {
		if w := b.get("/checks/" + week); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", week, w.Code)
		}
	}
}

func TestG19TheWeeklyCheckCarriesTwoSignaturesOfTwoPeople(t *testing.T) {
	h := newHouse(t)
	h.checkedWeek()
	it, dsl, deputy := h.signedIn("it"), h.signedIn("dsl"), h.signedIn("deputy")
	sign := "/checks/" + thisWeek + "/sign"
	// What failed is not signed off before somebody wrote what is done about it.
	want(t, it.post(sign), http.StatusUnprocessableEntity, "first write down what was done")
	want(t, it.get("/checks"), http.StatusOK, "Before you sign")
	if w := it.post("/checks/"+thisWeek+"/record", "kind", "action", "what", "SCI-007 and LIB-003", "done", "Demo IT gives the right back today"); w.Code != http.StatusSeeOther {
		t.Fatalf("writing down: %d\n%s", w.Code, w.Body)
	}
	want(t, it.get("/checks"), http.StatusOK, "Sign this week’s check", "Demo IT gives the right back today.")
	if w := it.post(sign, "note", "Looked at with the DSL"); w.Code != http.StatusSeeOther {
		t.Fatalf("IT signs: %d\n%s", w.Code, w.Body)
	}
	want(t, it.post(sign), http.StatusUnprocessableEntity, "Demo IT has signed for this side already")
	page := dsl.get("/checks")
	want(t, page, http.StatusOK, "Demo IT, Monday 23 November 2026, 10:46: “3 of 5 devices passed, 1 failed, no check came from 1, the filter was tried once.”", "Looked at with the DSL", "Sign this week’s check")
	h.pass(time.Minute)
	if w := deputy.post(sign); w.Code != http.StatusSeeOther {
		t.Fatalf("the deputy signs: %d\n%s", w.Code, w.Body)
	}
	want(t, dsl.post(sign), http.StatusUnprocessableEntity, "Demo Deputy has signed for this side already")
	page = dsl.get("/checks")
	want(t, page, http.StatusOK, "Demo Deputy, Monday 23 November 2026, 10:47")
	if strings.Contains(page.Body.String(), "Needs a review") {
		t.Error("a change that both sides have signed still calls for a review")
	}
	// What comes later is said beside the signatures.
	h.checked("device-3", h.now().Add(time.Minute), sawAll())
	want(t, dsl.get("/checks"), http.StatusOK, "1 check has arrived since then", "4 of 5 devices have passed so far")
	for _, s := range must2(t)(h.store.Signatures(t.Context(), school, thisWeek)) {
		if s.By != "it" && s.By != "deputy" {
			t.Errorf("signed by %s", s.By)
		}
	}
}

func must2(t *testing.T) func([]model.CheckSignature, error) []model.CheckSignature {
	return func(all []model.CheckSignature, err error) []model.CheckSignature {
		must(t, err)
		return all
	}
}

func TestAWeekThatWasNotSignedIsSaidInTheNext(t *testing.T) {
	h := newHouse(t)
	h.checkedWeek()
	h.pass(7 * 24 * time.Hour)
	b := h.signedIn("it")
	want(t, b.get("/checks"), http.StatusOK, "The week before is signed by nobody.", "0 of 5 devices have passed so far")
	if w := b.post("/checks/"+thisWeek+"/record", "kind", "action", "what", "LIB-003", "done", "Found"); w.Code != http.StatusSeeOther {
		t.Fatalf("%d\n%s", w.Code, w.Body)
	}
	if w := b.post("/checks/" + thisWeek + "/sign"); w.Code != http.StatusSeeOther {
		t.Fatalf("signing last week's: %d\n%s", w.Code, w.Body)
	}
	want(t, b.get("/checks"), http.StatusOK, "The week before is not signed by safeguarding.")
}

func TestG19OnePersonWithTwoSignInsCannotSignForBothSides(t *testing.T) {
	h := newHouse(t)
	for _, device := range []string{"device-1", "device-2", "device-3", "device-4", "device-5"} {
		h.checked(device, at(8, 2), sawAll())
	}
	must(t, h.store.AddUser(t.Context(), model.User{School: school, ID: "it-too", Name: "Demo Second", Email: "it-too@larkmoor.example", Duty: model.DutyIT, Account: `LARKMOOR\d.dsl`, Created: monday}))
	must(t, h.store.AddUser(t.Context(), model.User{School: school, ID: "dsl-too", Name: "Demo First", Email: "dsl-too@larkmoor.example", Duty: model.DutyDSL, Account: "d.dsl@larkmoor.example", Created: monday}))
	if w := h.signedIn("it-too").post("/checks/" + thisWeek + "/sign"); w.Code != http.StatusSeeOther {
		t.Fatalf("%d\n%s", w.Code, w.Body)
	}
	want(t, h.signedIn("dsl-too").post("/checks/"+thisWeek+"/sign"), http.StatusUnprocessableEntity, "takes two people")
	if w := h.signedIn("dsl").post("/checks/" + thisWeek + "/sign"); w.Code != http.StatusSeeOther {
		t.Fatalf("another person: %d\n%s", w.Code, w.Body)
	}
}

func TestG19ATryCountsForOneKindOfAccountsAndNeverForAPupil(t *testing.T) {
	h := newHouse(t)
	it := h.signedIn("it")
	path := "/checks/" + thisWeek + "/record"
	write := func(pairs ...string) int {
		w := it.post(path, append([]string{"kind", "filter", "what", "The maker’s test page", "told", "Demo Filter Owner", "worked", "yes"}, pairs...)...)
		return w.Code
	}
	if code := write("group", "pupils", "account", "test.pupil"); code != http.StatusSeeOther {
		t.Fatalf("a test account: %d", code)
	}
	want(t, it.get("/checks"), http.StatusOK, "Filter tried, worked.", "As test.pupil, for pupils.")
	if n := strings.Count(it.get("/checks").Body.String(), `<td data-l="Filter">Not tried</td>`); n != 2 {
		t.Errorf("%d kinds of accounts stand as not tried, want staff and guests", n)
	}
	for name, c := range map[string]struct {
		pairs []string
		field string
	}{
		"a pupil's own account":   {[]string{"group", "pupils", "account", "LARKMOOR\\DP14"}, "account"},
		"a kind without account":  {[]string{"group", "staff"}, "account"},
		"an account without kind": {[]string{"account", "test.staff"}, "account"},
		"all kinds at once":       {[]string{"group", "everybody", "account", "test"}, "group"},
	} {
		w := it.post(path, append([]string{"kind", "filter", "what", "The maker’s test page", "told", "Demo Filter Owner", "worked", "yes"}, c.pairs...)...)
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `id="try-`+c.field+`-error"`) {
			t.Errorf("%s: %d, want a problem with %s", name, w.Code, c.field)
		}
	}
	for name, c := range map[string]struct {
		pairs []string
		field string
	}{
		"nobody was told":            {[]string{"kind", "filter", "what", "x", "worked", "yes"}, "try-told"},
		"it failed and nothing done": {[]string{"kind", "filter", "what", "x", "told", "Demo", "worked", "no"}, "try-done"},
		"feedback of nobody":         {[]string{"kind", "feedback", "found", "slow"}, "ask-what"},
		"feedback without words":     {[]string{"kind", "feedback", "what", "Two teachers"}, "ask-found"},
		"nothing was done":           {[]string{"kind", "action", "what", "LIB-003"}, "act-done"},
		"too much":                   {[]string{"kind", "action", "what", strings.Repeat("x", 2001), "done", "y"}, "act-what"},
		"nobody said whether it did": {[]string{"kind", "monitor", "what", "x"}, "try-worked"},
	} {
		w := it.post(path, c.pairs...)
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `href="#`+c.field+`"`) {
			t.Errorf("%s: %d, want a problem with %s", name, w.Code, c.field)
		}
	}
	if code := it.post(path, "kind", "feedback", "what", "Two teachers of year 9", "found", "<b>The map site</b> is blocked in lessons").Code; code != http.StatusSeeOther {
		t.Fatalf("what staff said: %d", code)
	}
	want(t, h.signedIn("dsl").get("/checks"), http.StatusOK, "Staff asked.", "&lt;b&gt;The map site&lt;/b&gt; is blocked in lessons.")
}

func TestOnlyITHasDevicesCheckThemselvesNow(t *testing.T) {
	h := newHouse(t)
	want(t, h.signedIn("dsl").post("/checks/request"), http.StatusNotFound)
	it := h.signedIn("it")
	if w := it.post("/checks/request"); w.Code != http.StatusSeeOther {
		t.Fatalf("%d\n%s", w.Code, w.Body)
	}
	want(t, it.get("/checks"), http.StatusOK, "Asked 10:46: 0 of 5 devices have answered")
	ledger := h.ledger()
	must(t, ledger.Reload(t.Context()))
	id, within, ok := ledger.Wanted("device-1")
	if !ok || within != 30*time.Second {
		t.Errorf("device-1 is asked %q within %s, %v", id, within, ok)
	}
	ledger.Answer("device-1", id)
	if _, _, ok := ledger.Wanted("device-1"); ok {
		t.Error("a device that has answered is asked again")
	}
	if _, _, ok := ledger.Wanted("device-2"); !ok {
		t.Error("another device is not asked")
	}
	h.pass(2 * time.Hour)
	if _, within, ok := ledger.Wanted("device-2"); !ok || within > time.Minute {
		t.Errorf("a device that comes late: within %s, %v", within, ok)
	}
	h.pass(23 * time.Hour)
	if _, _, ok := ledger.Wanted("device-2"); ok {
		t.Error("a request of yesterday is still carried out")
	}
}

func TestOneDeviceIsCheckedAgainAtOnce(t *testing.T) {
	h := newHouse(t)
	it := h.signedIn("it")
	want(t, h.signedIn("dsl").post("/devices/device-1/check"), http.StatusNotFound)
	want(t, it.post("/devices/device-99/check"), http.StatusNotFound)
	if w := it.post("/checks/request"); w.Code != http.StatusSeeOther {
		t.Fatalf("%d", w.Code)
	}
	h.pass(time.Minute)
	if w := it.post("/devices/device-1/check"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/devices/device-1?asked" {
		t.Fatalf("%d to %s", w.Code, w.Header().Get("Location"))
	}
	ledger := h.ledger()
	must(t, ledger.Reload(t.Context()))
	one, within, ok := ledger.Wanted("device-1")
	all, _, _ := ledger.Wanted("device-2")
	if !ok || within != 0 || one == all || all == "" {
		t.Errorf("device-1 is asked %q within %s, device-2 %q", one, within, all)
	}
	ledger.Answer("device-2", one) // another's request is not answered by it
	if _, _, ok := ledger.Wanted("device-1"); !ok {
		t.Error("another device answered for it")
	}
	ledger.Answer("device-1", one)
	if _, _, ok := ledger.Wanted("device-1"); ok {
		t.Error("a device that was checked alone since is still asked with all others")
	}
}

func TestG19ACheckIsNoAlertAndNoEventAndCountsForNobody(t *testing.T) {
	h := newHouse(t)
	h.checkedWeek()
	if n := len(h.alerts()); n != 0 {
		t.Errorf("%d alerts", n)
	}
	events, err := h.store.EventsFor(t.Context(), school, model.User{School: school, ID: "dsl", Duty: model.DutyDSL}, time.Time{})
	must(t, err)
	var pending, health int
	must(t, h.store.DB().QueryRowContext(t.Context(), `SELECT (SELECT COUNT(*) FROM pending), (SELECT COUNT(*) FROM health)`).Scan(&pending, &health))
	if len(events) != 0 || pending != 0 || health != 0 {
		t.Errorf("%d events, %d pending, %d health events", len(events), pending, health)
	}
	want(t, h.signedIn("dsl").get("/"), http.StatusOK, "No alerts")
}

func TestALongListOfDevicesIsCutAndSaysSo(t *testing.T) {
	h := newHouse(t)
	view := h.console.weekView(model.CheckWeek{Week: thisWeek, From: monday, Devices: func() (all []model.CheckedDevice) {
		for i := range 120 {
			all = append(all, model.CheckedDevice{ID: fmt.Sprint(i), Name: fmt.Sprint("d", i), State: []model.CheckState{model.CheckFailed, model.CheckNone}[i%2]})
		}
		return all
	}()}, viewer{}, typedCheck{})
	if len(view.FailedOn) != devicesShown || view.FailedMore != 10 || len(view.Silent) != devicesShown || view.SilentMore != 10 {
		t.Errorf("%d and %d more, %d and %d more", len(view.FailedOn), view.FailedMore, len(view.Silent), view.SilentMore)
	}
}
