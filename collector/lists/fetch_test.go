package lists

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
)

func (d *desk) refreshed(t testing.TB, id string) Result {
	t.Helper()
	r, err := d.Refresh(t.Context(), id, quiet)
	must(t, err)
	return r
}

func (d *desk) list(t testing.TB, id string) model.List {
	t.Helper()
	l, err := d.store.List(t.Context(), school, id)
	must(t, err)
	return l
}

func TestAListIsFetchedWhenDueAndAskedForChangesOnly(t *testing.T) {
	o := serve(t, versioned("a.example\nb.example\n", `"one"`))
	d := openDesk(t, domainsFrom("bets", o.URL+"/names?key=canary-word"))
	d.pass(t.Context())
	if got := d.names(t, "bets", 1); len(got) != 2 {
		t.Fatalf("names = %v", got)
	}
	d.pass(t.Context()) // not due
	if n := len(o.requests()); n != 1 {
		t.Fatalf("asked %d times in a minute", n)
	}
	d.now = noon.Add(defaultRefresh)
	d.pass(t.Context())
	if l := d.list(t, "bets"); l.Current != 1 || !l.Checked.Equal(d.now) || !l.Due.Equal(d.now.Add(defaultRefresh)) {
		t.Errorf("unchanged: %+v", l)
	}
	if asked := o.requests(); len(asked) != 2 || asked[1].Header.Get("If-None-Match") != `"one"` || asked[1].UserAgent() != "safelight-collector/test" {
		t.Errorf("asked: %v", asked[len(asked)-1].Header)
	}
	o.say(versioned("a.example\nb.example\nc.example\n", `"two"`))
	d.now = d.now.Add(defaultRefresh)
	d.pass(t.Context())
	if l := d.list(t, "bets"); l.Current != 2 || l.Previous != 1 || l.ETag != `"two"` {
		t.Errorf("changed: %+v", l)
	}
	if len(d.changed) != 2 || d.changed[1]["bets"] != 2 {
		t.Errorf("told of changes: %v", d.changed)
	}
	all, err := d.Standing(t.Context())
	must(t, err)
	if strings.Contains(fmt.Sprintf("%+v", all)+d.log.String(), "canary-word") {
		t.Error("a source's key is shown")
	}
	d.rules.sources[0].Format = "hosts" // the same file read otherwise is another list
	d.pass(t.Context())
	if asked := o.requests(); len(asked) != 4 || asked[3].Header.Get("If-None-Match") != "" {
		t.Errorf("a list read otherwise was asked for changes only, or not at all (%d requests)", len(asked))
	}
}

func TestAFailingSourceLeavesTheLastGoodVersionAndAWarning(t *testing.T) {
	o := serve(t, text("a.example\n"))
	d := openDesk(t, domainsFrom("bets", o.URL))
	d.pass(t.Context())
	o.say(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	began := noon.Add(defaultRefresh)
	d.now = began
	d.pass(t.Context())
	if n := len(o.requests()); n != 1+fetchTries {
		t.Errorf("asked %d times", n)
	}
	if fmt.Sprint(d.waited) != "[2s 8s]" {
		t.Errorf("waited %v between tries", d.waited)
	}
	l := d.list(t, "bets")
	if l.Current != 1 || !l.Failing.Equal(began) || !l.Due.Equal(began.Add(firstRetry)) {
		t.Errorf("list = %+v", l)
	}
	d.now = l.Due
	d.pass(t.Context())
	if l = d.list(t, "bets"); l.Failures != 2 || !l.Due.Equal(d.now.Add(2*firstRetry)) {
		t.Errorf("again: %+v", l)
	}
	all, err := d.Standing(t.Context())
	must(t, err)
	if s := all[0]; s.State != Failing || s.Names != 1 || !strings.Contains(s.Warning, "since 21 Nov 12:00 UTC (2 in a row): its source answers 503 Service Unavailable") {
		t.Errorf("standing = %+v", s)
	}
	if n, err := d.Warnings(t.Context()); n != 1 || err != nil {
		t.Errorf("%d warnings, %v", n, err)
	}
	d.importText(t, "bets", "a.example\nc.example\n") // somebody helps out with a file
	all, err = d.Standing(t.Context())
	must(t, err)
	if s := all[0]; s.State != Failing || s.Names != 2 || s.URL != "list.txt" || !strings.Contains(s.Warning, "503") {
		t.Errorf("helped out: %+v", s)
	}
	o.say(text("a.example\nb.example\n"))
	d.now = l.Due
	d.pass(t.Context())
	if all, _ = d.Standing(t.Context()); all[0].State != Good || all[0].Names != 2 {
		t.Errorf("mended: %+v", all[0])
	}
}

func TestASourceIsBelievedOnlyWithinBounds(t *testing.T) {
	const body = "a.example\n"
	secure := httptest.NewTLSServer(text(body))
	t.Cleanup(secure.Close)
	for _, c := range []struct {
		what, says string
		answer     http.HandlerFunc
		fragment   string
		tries      int
	}{
		{"not there", "404 Not Found", http.NotFound, "", 1},
		{"redirect to http", "without https", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/x", http.StatusFound)
		}, "", 1},
		{"redirect that leads nowhere", "asking its source", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, secure.URL, http.StatusFound) }, "", 3}, // its certificate is nobody's
		{"too large by its own word", "is not taken", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "9000000000") }, "", 1},
		{"too large without a word", "over 0 MB large", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Repeat("x.example\n", 500)))
			w.(http.Flusher).Flush()
			_, _ = w.Write([]byte(strings.Repeat("y.example\n", 500)))
		}, "", 1},
		{"broken off", "broke off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(body))
		}, "", 3},
		{"another file than is pinned", "the rules pin", text(body), "#sha256=" + strings.Repeat("00", 32), 1},
		{"a pin that is none", "no hash", text(body), "#sha256=abc", 0},
		{"a page", "no names in it", text("<html>sorry</html>"), "", 1},
	} {
		t.Run(c.what, func(t *testing.T) {
			o := serve(t, c.answer)
			d := openDesk(t, domainsFrom("bets", o.URL+c.fragment))
			d.limits.File = 5000
			_, err := d.Refresh(t.Context(), "bets", quiet)
			wantError(t, err, "list bets", c.says)
			if n := len(o.requests()); n != c.tries {
				t.Errorf("asked %d times, want %d", n, c.tries)
			}
			if l := d.list(t, "bets"); l.Current != 0 || l.Failing.IsZero() {
				t.Errorf("list = %+v", l)
			}
		})
	}
	o := serve(t, text(body))
	d := openDesk(t, domainsFrom("bets", fmt.Sprintf("%s#sha256=%x", o.URL, sha256.Sum256([]byte(body)))))
	if r := d.refreshed(t, "bets"); r.Names != 1 {
		t.Errorf("pinned: %+v", r)
	}
	for _, bad := range []string{"ftp://lists.example/x", "lists.example", "file:///etc/passwd", "https://"} {
		if _, _, err := splitPin(bad); err == nil {
			t.Errorf("%s was taken for a source", bad)
		}
	}
}

func TestARedirectWithinHTTPSIsFollowed(t *testing.T) {
	var srv *httptest.Server
	srv = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, srv.URL+"/new", http.StatusMovedPermanently)
			return
		}
		_, _ = w.Write([]byte("a.example\n"))
	}))
	t.Cleanup(srv.Close)
	d := openDesk(t, domainsFrom("bets", srv.URL+"/old"))
	d.client.Transport = srv.Client().Transport
	if r := d.refreshed(t, "bets"); r.Names != 1 {
		t.Errorf("result = %+v", r)
	}
}

func TestASourceThatAsksForRestIsLeftAlone(t *testing.T) {
	times := 0
	o := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if times++; times == 1 {
			w.Header().Set("Retry-After", "40")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = w.Write([]byte("a.example\n"))
	})
	d := openDesk(t, domainsFrom("bets", o.URL))
	if r := d.refreshed(t, "bets"); r.Names != 1 || fmt.Sprint(d.waited) != "[40s]" {
		t.Errorf("result = %+v after %v", r, d.waited)
	}
}

func TestOneOfSeveralCollectorsFetches(t *testing.T) {
	o := serve(t, text("a.example\n"))
	one := openDesk(t, domainsFrom("bets", o.URL))
	two := deskOn(t, one.store, domainsFrom("bets", o.URL))
	busy, free := make(chan struct{}), make(chan struct{})
	o.say(func(w http.ResponseWriter, _ *http.Request) {
		close(busy)
		<-free
		_, _ = w.Write([]byte("a.example\n"))
	})
	done := make(chan error, 1)
	go func() { _, err := one.Refresh(t.Context(), "bets", quiet); done <- err }()
	<-busy
	two.pass(t.Context())
	_, err := two.Refresh(t.Context(), "bets", quiet)
	wantIs(t, err, ErrBusy)
	if n := len(o.requests()); n != 1 {
		t.Errorf("asked %d times", n)
	}
	if two.log.Len() > 0 {
		t.Errorf("a list that another fetches is no news: %s", two.log)
	}
	close(free)
	must(t, <-done)
	two.pass(t.Context())
	if n := len(o.requests()); n != 1 {
		t.Errorf("asked again, %d times", n)
	}
}

func TestASourceThatComesBackReplacesWhatSomebodyBrought(t *testing.T) {
	o := serve(t, versioned("a.example\nb.example\n", `"one"`))
	d := openDesk(t, domainsFrom("bets", o.URL))
	d.pass(t.Context())
	d.importText(t, "bets", "a.example\nc.example\n")
	d.now = noon.Add(defaultRefresh)
	d.pass(t.Context())
	if got := d.names(t, "bets", d.list(t, "bets").Current); strings.Join(got, " ") != "a.example b.example" {
		t.Errorf("in force: %v", got)
	}
}

func TestRulesThatCannotBeMadeAreTriedAgain(t *testing.T) {
	o := serve(t, text("a.example\n"))
	d := openDesk(t, domainsFrom("bets", o.URL))
	works := d.Changed
	d.Changed = func(context.Context, map[string]int64) error { return errors.New("no key") }
	d.pass(t.Context())
	d.Changed = works
	d.pass(t.Context())
	d.pass(t.Context())
	if len(d.changed) != 1 || d.changed[0]["bets"] != 1 {
		t.Errorf("told of %v, want the one change once", d.changed)
	}
}

func TestTheRefresherStopsAtOnceAndStartsWithWhatIsDue(t *testing.T) {
	o := serve(t, nil)
	busy := make(chan struct{})
	o.say(func(_ http.ResponseWriter, r *http.Request) {
		close(busy)
		<-r.Context().Done() // until the collector leaves
	})
	d := openDesk(t, domainsFrom("bets", o.URL))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	<-busy
	cancel()
	must(t, <-done)
	if l := d.list(t, "bets"); !l.Failing.IsZero() {
		t.Errorf("stopping was held against the source: %+v", l)
	}
	ok, err := d.store.ClaimList(t.Context(), model.ListLease{School: school, List: "bets", Owner: "next", Until: noon.Add(time.Hour)}, noon)
	if err != nil || !ok {
		t.Errorf("the list was not given back: %v", err)
	}
}
