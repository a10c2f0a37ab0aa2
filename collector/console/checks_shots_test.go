package console

import (
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestScreenshotsOfChecks are the weekly check's page as it fills.
func TestScreenshotsOfChecks(t *testing.T) {
	dir := os.Getenv(screenshotsDir)
	if dir == "" {
		t.Skip("SKIPPED: pictures are written on request; set " + screenshotsDir + " to a folder")
	}
	must(t, os.MkdirAll(dir, 0o755))
	h := newHouse(t)
	s := newScreen(t, h)
	it, dsl := h.signedIn("it"), h.signedIn("dsl")
	shots := &album{screen: s, dir: dir}
	s.signIn(it.cookie.Value)
	shots.take("checks-new", "/checks")
	h.checkedWeek()
	shots.take("checks", "/checks")
	shots.take("checks-wrong", "/checks", chromedp.Click("#write-try summary"), chromedp.WaitVisible("#try-what"), chromedp.SendKeys("#try-what", "Test page"), chromedp.Click("#write-try button"), chromedp.WaitVisible(".govuk-error-summary"))
	record := "/checks/" + thisWeek + "/record"
	it.post(record, "kind", "filter", "what", "The maker’s test page", "group", "pupils", "account", "test.pupil", "told", "Demo Filter Owner", "worked", "yes", "site", "Main site")
	it.post(record, "kind", "action", "what", "SCI-007 and LIB-003", "done", "Demo IT gives the service its right back today, and looks for LIB-003 in the library")
	dsl.post(record, "kind", "feedback", "what", "Two teachers of year 9", "found", "The map site is blocked in geography lessons")
	it.post("/checks/"+thisWeek+"/sign", "note", "Looked at together")
	s.signIn(dsl.cookie.Value)
	shots.take("checks-dsl", "/checks")
}
