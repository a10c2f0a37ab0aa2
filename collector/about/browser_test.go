package about

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// SAFELIGHT_SCREENSHOTS=FOLDER writes the pictures too; `make screenshots` sets it.
const screenshotsDir = "SAFELIGHT_SCREENSHOTS"

// newBrowser starts a browser, or skips where there is none. Scripts are switched
// off: the page needs none.
func newBrowser(t *testing.T) context.Context {
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
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.IgnoreCertErrors, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	ctx, late := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("closing the browser: %v", err)
		}
		late()
		cancel()
	})
	return ctx
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) { //nolint:revive // t first, as everywhere
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func look[T any](t *testing.T, ctx context.Context, expression string) T { //nolint:revive // t first, as everywhere
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%.80s: %v", expression, err)
	}
	return v
}

// What a child would open: on the smallest phone, on a desk, light and dark, and
// the copy that lies on the device, as a file.
func TestThePageFitsEveryScreenLightAndDark(t *testing.T) {
	ctx := newBrowser(t)
	b := board(t, true)
	server := httptest.NewTLSServer(b.Handler())
	t.Cleanup(server.Close)
	alone := filepath.Join(t.TempDir(), "about.html")
	if err := os.WriteFile(alone, b.Copies()["about.html"], 0o600); err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{"about": server.URL + "/", "about-worry": server.URL + "/worry", "about-copy": "file://" + alone} {
		for _, px := range []int64{1280, 390, 320} {
			for _, scheme := range []string{"light", "dark"} {
				file := fmt.Sprintf("%s-%s-%d", name, scheme, px)
				do(t, ctx, chromedp.EmulateViewport(px, 900), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
					_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
						Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
					})
					return err
				}))
				if _, err := chromedp.RunResponse(ctx, chromedp.Navigate(url)); err != nil {
					t.Fatal(err)
				}
				if wide := look[int](t, ctx, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
					t.Errorf("%s is %d px too wide", file, wide)
				}
				paper := map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(23, 20, 18)"}[scheme]
				if got := look[string](t, ctx, `getComputedStyle(document.body).backgroundColor`); got != paper {
					t.Errorf("%s: the paper is %s, want %s: the style did not come", file, got, paper)
				}
				if low := look[int](t, ctx, `[...document.querySelectorAll('.btn, .help a')].filter(b => [-21, 21].some(d => {
					b.scrollIntoView({block: 'center', behavior: 'instant'}); // no point outside the window has an element
					const r = b.getBoundingClientRect(), x = (r.left + r.right) / 2, y = (r.top + r.bottom) / 2;
					return [[x + d, y], [x, y + d]].some(([x, y]) => document.elementFromPoint(x, y) !== b);
				})).length`); low > 0 {
					t.Errorf("%s: %d buttons or helplines are smaller than 44 px: a thumb misses them", file, low)
				}
				look[bool](t, ctx, `(scrollTo({top: 0, behavior: 'instant'}), true)`)
				if dir := os.Getenv(screenshotsDir); dir != "" {
					picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(filepath.Join(dir, file+".png"), picture, 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		// Letters twice as large, on a window half as wide (WCAG 1.4.4).
		do(t, ctx, chromedp.EmulateViewport(640, 900))
		if wide := look[int](t, ctx, `(document.documentElement.style.fontSize = '200%', document.documentElement.scrollWidth - innerWidth)`); wide > 0 {
			t.Errorf("%s with letters of twice the size is %d px too wide", name, wide)
		}
	}
}
