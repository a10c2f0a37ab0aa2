package console

import (
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestScreenshotsOfDevices are IT's pages, and coverage as safeguarding has it.
func TestScreenshotsOfDevices(t *testing.T) {
	dir := os.Getenv(screenshotsDir)
	if dir == "" {
		t.Skip("SKIPPED: pictures are written on request; set " + screenshotsDir + " to a folder")
	}
	must(t, os.MkdirAll(dir, 0o755))
	h := newHouse(t)
	s := newScreen(t, h)
	it, dsl := h.signedIn("it").cookie.Value, h.signedIn("dsl").cookie.Value
	shots := &album{screen: s, dir: dir}
	s.signIn(it)
	shots.take("devices-new", "/devices")
	h.term()
	shots.take("devices", "/devices")
	shots.take("devices-all", "/devices/all")
	shots.take("device", "/devices/lt1")
	shots.take("device-proven", "/devices/lt3", chromedp.Click("summary"), chromedp.WaitVisible("details button"))
	shots.take("coverage", "/coverage")
	shots.take("coverage-wrong", "/coverage", chromedp.SendKeys("#count", "many"), chromedp.Click("form[action='/coverage/expect'] button"), chromedp.WaitVisible(".govuk-error-summary"))
	shots.take("enrol", "/enrol")
	shots.take("token", "/enrol", chromedp.SetValue("#uses", "30"), chromedp.Click("form[action='/enrol'] button"), chromedp.WaitVisible("pre"))
	shots.take("token-end", "/enrol", chromedp.Click("summary"), chromedp.WaitVisible("details button"))
	h.cameOf("lt3", "c1", "c2", "c3", "c4", "c5", "c6", "c7")
	shots.take("device-copies", "/devices/lt3", chromedp.Click("section[aria-labelledby=co] summary"), chromedp.WaitVisible("section[aria-labelledby=co] button"))
	s.signIn(dsl)
	shots.take("coverage-dsl", "/coverage")
}
