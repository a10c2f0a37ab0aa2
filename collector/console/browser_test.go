package console

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// screen is a real browser before the console, over real HTTPS.
type screen struct {
	t   *testing.T
	ctx context.Context
	url string
}

// newScreen starts a browser, or skips where there is none.
func newScreen(t *testing.T, h *house) *screen {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("SKIPPED: no chromium on this machine; apt-get install chromium to run it")
	}
	server := httptest.NewTLSServer(h.handler)
	t.Cleanup(server.Close)
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.IgnoreCertErrors, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	ctx, late := context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(func() {
		// Close the browser and wait for it, so that nothing outlives the test.
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("closing the browser: %v", err)
		}
		late()
		cancel()
	})
	s := &screen{t: t, ctx: ctx, url: server.URL}
	// What the policy forbids is remembered by the page itself.
	s.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, cdpage.AddScriptToEvaluateOnNewDocument, cdpage.AddScriptToEvaluateOnNewDocumentParams{
			Source: `window.forbidden = []; document.addEventListener('securitypolicyviolation', e => window.forbidden.push(e.violatedDirective + ' ' + e.blockedURI));
				addEventListener('error', e => window.forbidden.push('script: ' + e.message));`,
		})
		return err
	}))
	return s
}

func (s *screen) do(steps ...chromedp.Action[chromedp.Void]) {
	s.t.Helper()
	if err := chromedp.Do(s.ctx, steps...); err != nil {
		s.t.Fatal(err)
	}
}

// load runs what leads to another page, waits for it and checks it.
func (s *screen) load(steps ...chromedp.Action[chromedp.Void]) {
	s.t.Helper()
	if _, err := chromedp.RunResponse(s.ctx, steps...); err != nil {
		s.t.Fatal(err)
	}
	if bad := eval[[]string](s, `window.forbidden`); len(bad) != 0 {
		s.t.Errorf("the policy forbids something on the page: %v", bad)
	}
}

func (s *screen) open(path string) {
	s.t.Helper()
	s.load(chromedp.Navigate(s.url + path))
}

func eval[T any](s *screen, expression string) T {
	s.t.Helper()
	v, err := chromedp.Run(s.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		s.t.Fatalf("%.80s: %.200s", expression, err.Error())
	}
	return v
}

// says waits until the page says something.
func (s *screen) says(text string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](fmt.Sprintf(`document.body.innerText.includes(%q)`, text))); err != nil {
		s.t.Fatalf("the page does not say %q: %v\n%s", text, err, eval[string](s, `document.body.innerText`))
	}
}

func (s *screen) silent(text string) {
	s.t.Helper()
	if got := eval[string](s, `document.body.innerText`); strings.Contains(got, text) {
		s.t.Errorf("the page says %q:\n%s", text, got)
	}
}

// width sets the window's width, and dark or light.
func (s *screen) width(px int64, dark bool) {
	s.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	s.do(chromedp.EmulateViewport(px, 900), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	}))
}

// fits checks that nothing scrolls sideways (WCAG 1.4.10).
func (s *screen) fits(what string) {
	s.t.Helper()
	if w := eval[int](s, `document.documentElement.scrollWidth - innerWidth`); w > 0 {
		s.t.Errorf("%s is %d px too wide", what, w)
	}
}

func TestTheFirstAlertInARealBrowser(t *testing.T) {
	h := newHouse(t)
	ref := h.urgent()
	s := newScreen(t, h)
	s.width(390, false)

	s.open(h.link("dsl", monday.Add(time.Hour)))
	s.do(chromedp.SendKeys("#password", password), chromedp.SendKeys("#confirm", "mistyped password"))
	s.load(chromedp.Click("button[type=submit]"))
	s.says(wordsConfirm)
	if got := eval[string](s, `document.activeElement.className`); got != "govuk-error-summary" {
		t.Errorf("the focus is on %q, want the error summary", got)
	}
	s.do(chromedp.SendKeys("#password", password), chromedp.SendKeys("#confirm", password))
	s.load(chromedp.Click("button[type=submit]"))
	s.says("Your password is set.")

	s.open("/a/" + ref)
	s.says("You will then see the alert")
	s.do(chromedp.SendKeys("#email", "dsl@larkmoor.example"), chromedp.SendKeys("#password", password))
	s.do(chromedp.Click(".govuk-password-input__toggle"))
	if got := eval[string](s, `document.querySelector('#password').type`); got != "text" {
		t.Errorf("the password is %q, want it shown", got)
	}
	s.load(chromedp.Click("button[type=submit].main"))
	s.says("Signed in as a Year 9 pupil on LIB-014: a site on the self-harm list was asked for")
	s.silent("Demo Pupil 14")

	s.load(chromedp.Click(".back"))
	s.says("1 urgent alert, nobody has taken it on yet")
	s.do(chromedp.Click(".row.urgent .press"))
	s.says("Demo Pupil 14")
	s.says("Hide name")
	s.do(chromedp.Click(".cover"))
	s.says("Covered. Press anywhere to go on.")
	if got := eval[bool](s, `document.querySelector('main').inert`); !got {
		t.Error("what is covered can still be reached")
	}
	s.do(chromedp.Click("button.coverall"))
	s.says("Show name")
	s.silent("Demo Pupil 14")

	s.load(chromedp.Click(".row.urgent .btn"))
	s.load(chromedp.Click(".do .btn"))
	s.says("You have this, since 10:46.")
	s.load(chromedp.Click("#words button"))
	s.says("hurting.example")
	s.load(chromedp.Click(".out button"))
	s.says("You are signed out.")

	got := strings.Join(h.looks(ref), ", ")
	if want := "dsl alert, dsl alert, dsl alert, dsl alert, dsl name, dsl words"; got != want {
		t.Errorf("looks: %s\nwant:  %s", got, want)
	}
	if a := h.alerts()[0]; a.AcknowledgedBy != "dsl" {
		t.Errorf("taken on by %q", a.AcknowledgedBy)
	}
}

func TestANameCoversItselfAfterAMinute(t *testing.T) {
	h := newHouse(t)
	h.urgent()
	cookie := h.signedIn("dsl").cookie
	s := newScreen(t, h)
	// A browser whose minute passes at once.
	s.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, cdpage.AddScriptToEvaluateOnNewDocument, cdpage.AddScriptToEvaluateOnNewDocumentParams{
			Source: `window.late = []; const real = setTimeout; window.setTimeout = (f, ms) => ms === 60000 ? (late.push(f), 0) : real(f, ms);`,
		})
		return err
	}))
	s.signIn(cookie.Value)
	s.open("/")
	s.do(chromedp.Click(".press"))
	s.says("Demo Pupil 14")
	eval[bool](s, `late.length === 1 && (late[0](), true)`)
	s.says("Show name")
	s.silent("Demo Pupil 14")
}
