package about

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func board(t *testing.T, secure bool) *Board {
	t.Helper()
	b := NewBoard(secure, time.Now)
	if _, err := b.Put(school(t)); err != nil {
		t.Fatal(err)
	}
	return b
}

func get(b *Board, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.Handler().ServeHTTP(w, r)
	return w
}

func TestG11NothingOfAVisitorIsKeptOrAskedFor(t *testing.T) {
	b := board(t, true)
	for _, path := range []string{"/", "/about", "/worry", "/about.txt", "/static/about.css", "/nowhere"} {
		w := get(b, http.MethodGet, path)
		for header, want := range map[string]string{
			"Set-Cookie": "", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Strict-Transport-Security": "max-age=31536000", "Content-Security-Policy": policy,
		} {
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", path, header, got, want)
			}
		}
		body := w.Body.String()
		for _, never := range []string{"<script", "<form", "<img", "<iframe", "http://", "@import"} {
			if strings.Contains(body, never) {
				t.Errorf("%s holds %s", path, never)
			}
		}
	}
}

func TestPlainHTTPBehindAProxyPromisesNoHTTPSOfItsOwn(t *testing.T) {
	if got := get(board(t, false), http.MethodGet, "/").Header().Get("Strict-Transport-Security"); got != "" {
		t.Errorf("got %q: that is for the proxy to say", got)
	}
}

func TestThePageNeedsNoSignInAndAnythingElseLeadsToHelp(t *testing.T) {
	b := board(t, true)
	for path, want := range map[string]int{"/": 200, "/about": 200, "/worry": 200, "/about.txt": 200, "/static/about.css": 200, "/sign-in": 404, "/a/7KQ2M4XT": 404} {
		w := get(b, http.MethodGet, path)
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
		if want == 404 && !strings.Contains(w.Body.String(), "0800 1111") {
			t.Errorf("%s: whoever mistyped finds no helpline", path)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		if w := get(b, method, "/worry"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, a message would be lost in silence", method, w.Code)
		}
	}
}

func TestAPageThatIsTheSameIsNotSentAgain(t *testing.T) {
	b := board(t, true)
	tag := get(b, http.MethodGet, "/").Header().Get("ETag")
	if w := get(b, http.MethodGet, "/", "If-None-Match", tag); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("%d with %d bytes", w.Code, w.Body.Len())
	}
	if changed, err := b.Put(school(t)); err != nil || changed {
		t.Errorf("the same facts: changed %t, %v", changed, err)
	}
	f := school(t)
	f.Deputies = 1
	if changed, err := b.Put(f); err != nil || !changed {
		t.Errorf("a deputy left: changed %t, %v", changed, err)
	}
	if w := get(b, http.MethodGet, "/", "If-None-Match", tag); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "one deputy") {
		t.Errorf("%d: the old page stands", w.Code)
	}
}

func TestAFloodIsAskedToComeAgainAndToldWhomToCall(t *testing.T) {
	now := time.Now()
	b := NewBoard(true, func() time.Time { return now })
	if _, err := b.Put(school(t)); err != nil {
		t.Fatal(err)
	}
	h := b.Handler()
	refused := 0
	for range int(perSecond.Burst) + 10 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/static/about.css", nil))
		if w.Code == http.StatusServiceUnavailable {
			refused++
			if w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "0800 1111") {
				t.Fatal("no word of when, or whom to call")
			}
		}
	}
	if refused != 10 {
		t.Errorf("%d refused, want 10", refused)
	}
	now = now.Add(time.Second)
	if w := get(b, http.MethodGet, "/"); w.Code != http.StatusOK {
		t.Errorf("a second later: %d", w.Code)
	}
}

func TestBeforeThereIsAPageHelplinesAreSaid(t *testing.T) {
	w := get(NewBoard(true, time.Now), http.MethodGet, "/")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "999") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
