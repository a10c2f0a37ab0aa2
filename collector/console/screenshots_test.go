package console

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"safelight/collector/model"
	"safelight/internal/event"
)

// SAFELIGHT_SCREENSHOTS=FOLDER writes the pictures of the console; `make
// screenshots` sets it. SAFELIGHT_AXE=axe.min.js looks for accessibility faults
// as well.
const (
	screenshotsDir = "SAFELIGHT_SCREENSHOTS"
	axeFile        = "SAFELIGHT_AXE"
)

// signIn puts a session's cookie into the browser.
func (s *screen) signIn(secret string) {
	s.t.Helper()
	secure := true
	s.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{
			Name: cookieName, Value: secret, URL: s.url, Path: "/", Secure: &secure, HTTPOnly: &secure,
		})
		return err
	}))
}

// day is the day of the design's pictures, with what this version can see.
func (h *house) day() (urgent string) {
	h.raise(model.Event{
		Device: "device-2", Observed: time.Date(2026, 11, 20, 23, 10, 0, 0, time.UTC), Received: at(8, 41), Late: true, Name: "chat.example", Match: "chat.example",
		Via: event.ViaDNS, Account: "dp03", Category: "strangers", Severity: event.High, Outcome: model.OutcomeUnknown,
	})
	h.raise(model.Event{
		Device: "device-5", Observed: at(9, 5), Name: "bets.example", Match: "bets.example", Via: event.ViaDNS, Account: "dp30", Process: "chromium",
		Category: "gambling", Severity: event.Low, Outcome: model.OutcomeAttempted,
	})
	taken := h.raise(model.Event{
		Device: "device-4", Observed: at(9, 34), Kind: event.Process, Name: "tunnel", Match: "tunnel", Via: event.ViaPoll, Account: "dp09",
		Category: "bypass", Severity: event.Medium, Rule: "bypass/program/tunnel",
	})
	must(h.t, h.store.MarkRead(h.t.Context(), school, taken, "deputy", at(9, 48)))
	if _, err := h.store.AcknowledgeAlert(h.t.Context(), school, taken, "deputy", at(9, 50)); err != nil {
		h.t.Fatal(err)
	}
	h.raise(model.Event{
		Device: "device-3", Observed: at(10, 12), Name: "far.example", Match: "far.example", Via: event.ViaTLS, Account: "dp21", Process: "chromium",
		Category: "extremism", Severity: event.High, Outcome: model.OutcomeConnected,
	})
	urgent = h.urgent()
	notes, err := h.store.Notifications(h.t.Context(), school, urgent)
	must(h.t, err)
	for _, n := range notes {
		if n.User == "dsl" {
			must(h.t, h.store.NotificationAccepted(h.t.Context(), school, n.ID, at(10, 41).Add(3*time.Second)))
		} else {
			must(h.t, h.store.NotificationTried(h.t.Context(), school, n.ID, at(10, 41).Add(4*time.Second), "no answer"))
		}
	}
	return urgent
}

func TestScreenshots(t *testing.T) {
	dir := os.Getenv(screenshotsDir)
	if dir == "" {
		t.Skip("SKIPPED: pictures are written on request; set " + screenshotsDir + " to a folder")
	}
	must(t, os.MkdirAll(dir, 0o755))
	h := newHouse(t)
	s := newScreen(t, h)
	secret := h.signedIn("dsl").cookie.Value
	it := h.signedIn("it").cookie.Value
	shots := &album{screen: s, dir: dir}

	shots.take("sign-in", "/sign-in")
	shots.take("sign-in-wrong", "/sign-in", chromedp.SendKeys("#email", "dsl"), chromedp.Click("button.main"), chromedp.WaitVisible(".govuk-error-summary"))
	shots.take("welcome", h.link("deputy", monday.Add(time.Hour)))
	s.signIn(it)
	shots.take("it", "/")
	s.signIn(secret)
	shots.take("empty", "/")
	ref := h.day()
	shots.take("today", "/")
	shots.take("today-name", "/", chromedp.Click(".row.high .press"), chromedp.WaitVisible(".bare"))
	shots.take("alert", "/a/"+ref)
	shots.take("alert-words", "/a/"+ref, chromedp.Click("#words button"), chromedp.WaitVisible(".words"))
	if _, err := h.store.AcknowledgeAlert(t.Context(), school, ref, "dsl", at(10, 47)); err != nil {
		t.Fatal(err)
	}
	h.setTime(at(10, 52))
	shots.take("alert-taken", "/a/"+ref)
	spelt := h.spelt()
	shots.take("alert-grounds", "/a/"+spelt)
	shots.take("alert-grounds-words", "/a/"+spelt, chromedp.Click("#words button"), chromedp.WaitVisible(".words"))
	together := h.together()
	shots.take("alert-together", "/a/"+together)
	shots.take("alert-together-words", "/a/"+together, chromedp.Click("#words button"), chromedp.WaitVisible(".words"))
	shots.take("alert-list", "/a/"+h.listed("invented-bets", "dp03"))
	shots.take("not-found", "/a/7KQ2M4XT")
	shots.take("covered", "/cover")
}

// album takes each page at three widths, light and dark.
type album struct {
	*screen
	dir string
}

func (a *album) take(name, path string, steps ...chromedp.Action[chromedp.Void]) {
	a.t.Helper()
	for _, size := range []struct {
		px   int64
		dark bool
	}{{1280, false}, {390, false}, {320, false}, {1280, true}, {390, true}} {
		a.width(size.px, size.dark)
		a.open(path)
		a.do(steps...)
		file := fmt.Sprintf("%s-%d", name, size.px)
		if size.dark {
			file = fmt.Sprintf("%s-dark-%d", name, size.px)
		}
		a.fits(file)
		a.axe(file)
		picture, err := chromedp.Run(a.ctx, chromedp.FullScreenshot(100))
		must(a.t, err)
		must(a.t, os.WriteFile(filepath.Join(a.dir, file+".png"), picture, 0o644))
	}
}

// axe looks for accessibility faults, where axe-core is given.
func (a *album) axe(what string) {
	a.t.Helper()
	file := os.Getenv(axeFile)
	if file == "" {
		return
	}
	source, err := os.ReadFile(file)
	must(a.t, err)
	eval[bool](a.screen, string(source)+"; true")
	faults, err := chromedp.Run(a.ctx, chromedp.Evaluate[[]string](
		`axe.run().then(r => r.violations.map(v => v.id + ' (' + v.impact + '): ' + v.nodes.map(n => n.target.join(' ')).join(', ')))`,
		chromedp.EvalAwaitPromise))
	must(a.t, err)
	if len(faults) > 0 {
		a.t.Errorf("%s: axe finds\n  %s", what, strings.Join(faults, "\n  "))
	}
}
