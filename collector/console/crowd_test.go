package console

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
	safelightv1 "safelight/proto/safelight/v1"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// The longest that a device, a site and a group may well be called; one name has
// nowhere to break.
const (
	longName  = "LARKMOORSCIENCELABORATORYTEACHERSWORKSTATIONNUMBER0042WESTWING"
	longSite  = "Larkmoor School Lower Site and Community Sports Centre (Old Mill Lane)"
	longGroup = "Shared laptops of the humanities faculty, second trolley"
)

// crowd fills the ledger with a thousand devices, of which forty are enrolled, with
// names that no page was drawn for; and the week with what failed on one of them.
func (h *house) crowd() {
	t := h.t
	_, err := h.store.DB().ExecContext(t.Context(), `UPDATE schools SET trial = 0`) // for more devices than a trial has
	must(t, err)
	must(t, h.store.SetSite(t.Context(), school, model.Site{Name: longSite}, monday, noOverlay))
	var issued []model.Issued
	for i := range 1000 {
		issued = append(issued, model.Issued{Key: fmt.Sprint("serial:9CD", 10000+i), Serial: fmt.Sprint("9CD", 10000+i), Name: crowdName(i), Kind: model.KindWindows, Site: longSite, Group: longGroup})
	}
	_, err = h.store.ImportInventory(t.Context(), school, model.Inventory{Name: "all-managed-devices-of-the-trust-2026-11-20-final.csv", Source: "intune", Devices: issued}, monday.AddDate(0, 0, -3))
	must(t, err)
	must(t, h.store.SetExpected(t.Context(), school, model.Expected{Kind: model.KindGuest, Count: 1200}, monday))
	for i := range 40 {
		id := fmt.Sprintf("cr%d", i)
		h.enrolled(id, crowdName(i))
		h.say(id, func(st *safelightv1.AgentStatus) {
			if i == 0 {
				st.Sources[1].State, st.Sources[1].Detail = "unavailable", "the session could not be opened: run the service as its own account"
				st.Sources[0].Seen = 1_204_210
				st.Hidden = map[string]uint64{"encrypted_dns": 21_400}
			}
		})
	}
	must(t, h.store.NoteDeviceHealth(t.Context(), school, "cr0", "source-lost", "Programs are not seen any more.", monday.Add(-time.Hour)))
	h.checked("cr0", at(9, 11), sawPrograms())
	h.checked("cr1", at(9, 50), triedFilter())
}

func crowdName(i int) string {
	if i == 0 {
		return longName
	}
	return fmt.Sprintf("LARK-%04d", i)
}

// crowded are the pages that such a school fills.
var crowded = []struct{ name, path string }{
	{"devices", "/devices"}, {"devices-all", "/devices/all?from=50"}, {"device", "/devices/cr0"}, {"coverage", "/coverage"}, {"enrol", "/enrol"}, {"checks", "/checks"},
}

// TestPagesOfDevicesFitEveryScreen: nothing scrolls sideways on the narrowest phone, nor
// where letters are twice as large, whatever the school calls its devices (WCAG 1.4.4,
// 1.4.10).
func TestPagesOfDevicesFitEveryScreen(t *testing.T) {
	h := newHouse(t)
	h.crowd()
	it := h.signedIn("it")
	it.post("/enrol", "site", longSite, "uses", "300", "life", "365")
	it.post("/checks/"+thisWeek+"/record", "kind", "action", "what", longName, "done", strings.Repeat("Mended", 40))
	it.post("/checks/"+thisWeek+"/sign", "note", strings.Repeat("Together", 30))
	s := newScreen(t, h)
	s.signIn(it.cookie.Value)
	for _, size := range []struct {
		px   int64
		text string
	}{{320, "100%"}, {640, "200%"}, {800, "100%"}, {1280, "100%"}} {
		s.width(size.px, false)
		for _, page := range crowded {
			s.open(page.path)
			eval[bool](s, fmt.Sprintf(`document.documentElement.style.fontSize = %q; for (const d of document.querySelectorAll('details')) d.open = true; true`, size.text))
			s.fits(fmt.Sprintf("%s at %d px, letters %s", page.path, size.px, size.text))
		}
	}
	s.open("/checks#write-ask")
	if !eval[bool](s, `document.querySelector('#write-ask').open`) {
		t.Error("a link to what is folded up leads to it folded up")
	}
}

// TestWhatTakesTheFocusShowsItAndIsLargeEnough: by keyboard somebody sees where they
// are (WCAG 2.4.7), and a thumb meets what it is aimed at (2.5.8; the design's 44 px).
func TestWhatTakesTheFocusShowsItAndIsLargeEnough(t *testing.T) {
	h := newHouse(t)
	h.crowd()
	it := h.signedIn("it")
	it.post("/enrol", "site", longSite, "uses", "300", "life", "365")
	s := newScreen(t, h)
	s.signIn(it.cookie.Value)
	s.width(320, false)
	s.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error { // a window that nobody looks at draws no focus
		_, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	}))
	for _, page := range crowded {
		s.open(page.path)
		blind := eval[[]string](s, `(() => {
			for (const d of document.querySelectorAll('details')) d.open = true;
			const look = e => { const c = getComputedStyle(e); return [c.outlineColor, c.outlineStyle, c.outlineWidth, c.boxShadow, c.backgroundColor].join(); };
			const bad = [];
			for (const e of document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary')) {
				const was = look(e), name = e.tagName + ' ' + (e.id || e.textContent.trim()).slice(0, 40);
				e.focus({focusVisible: true});
				if (document.activeElement !== e) bad.push(name + ' takes no focus');
				else if (look(e) === was) bad.push(name + ' looks the same with the focus');
				e.blur();
				const box = (e.closest('label') || document.querySelector('label[for="' + e.id + '"].tick') || (e.closest('.tick') || e)).getBoundingClientRect();
				if (e.tagName !== 'A' && box.height < 44) bad.push(name + ' is ' + box.height + ' px high');
			}
			return bad;
		})()`)
		for _, what := range blind {
			t.Errorf("%s: %s", page.path, what)
		}
	}
}

// TestScreenshotsOfAFullSchool are the same pages in pictures.
func TestScreenshotsOfAFullSchool(t *testing.T) {
	dir := os.Getenv(screenshotsDir)
	if dir == "" {
		t.Skip("SKIPPED: pictures are written on request; set " + screenshotsDir + " to a folder")
	}
	must(t, os.MkdirAll(dir, 0o755))
	h := newHouse(t)
	h.crowd()
	it := h.signedIn("it")
	it.post("/enrol", "site", longSite, "uses", "300", "life", "365")
	s := newScreen(t, h)
	s.signIn(it.cookie.Value)
	shots := &album{screen: s, dir: dir}
	for _, page := range crowded {
		shots.take("full-"+page.name, page.path)
	}
	shots.take("full-device-asked", "/devices/cr0", chromedp.Click("form[action$='/check'] button"), chromedp.WaitVisible(".said"))
}
