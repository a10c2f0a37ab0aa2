package selfcheck

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"safelight/internal/event"
)

// filtered is a network with a filter: one page comes, one is blocked in a way of
// the test's own.
func filtered(t *testing.T, block http.HandlerFunc) FilterTest {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/open", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<p>The school's own page") })
	mux.HandleFunc("/test", block)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return FilterTest{
		Pages: []Page{
			{Name: "Ours", URL: srv.URL + "/open", Expect: "school's own page", Open: true},
			{Name: "Maker's test page", URL: srv.URL + "/test", Expect: "you are not filtered"},
		},
		SignedIn: func() ([]string, error) { return nil, nil },
		Pupil:    func(account string) bool { return !strings.HasPrefix(account, "test.") },
	}
}

func cutOff(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	}
}

func TestTheFilterIsJudgedByWhatCameBack(t *testing.T) {
	for name, c := range map[string]struct {
		block  http.HandlerFunc
		want   Outcome
		detail string
	}{
		"the page came": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "if you read this you are not filtered")
		}, NotBlocked, ""},
		"a block page": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "Blocked by your school") }, Blocked, "another page came"},
		"refused":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, Blocked, "status 403"},
		"led elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://block.school.example/", http.StatusFound)
		}, Blocked, "led elsewhere"},
		"the line is cut off": {cutOff, Blocked, "refused or cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t)
			r, err := d.checker.CheckFilter(t.Context(), filtered(t, c.block), "Demo Filter Owner")
			must(t, err)
			if got := r.Results[1]; got.Outcome != c.want || !strings.Contains(got.Detail, c.detail) || strings.Contains(got.Detail, "127.0.0.1") {
				t.Errorf("%+v, want %s, %q", got, c.want, c.detail)
			}
			if r.Results[0].Outcome != NotBlocked || r.Complete() != (c.want == Blocked) || r.Told != "Demo Filter Owner" {
				t.Errorf("%+v, complete %v", r.Results, r.Complete())
			}
		})
	}
}

func TestADeviceWithoutAConnectionSaysNothingOfTheFilter(t *testing.T) {
	test := filtered(t, cutOff)
	for i := range test.Pages {
		test.Pages[i].URL = "http://127.0.0.1:1/"
	}
	r, err := newDevice(t).checker.CheckFilter(t.Context(), test, "Demo Filter Owner")
	must(t, err)
	for _, one := range r.Results {
		if one.Outcome != NotChecked || one.Failed() {
			t.Errorf("%+v, want not checked", one)
		}
	}
	if r.Complete() {
		t.Error("silence passed for a filter")
	}
}

func TestG19TheFilterIsNeverTriedInAPupilsSession(t *testing.T) {
	asked := false
	page := func(http.ResponseWriter, *http.Request) { asked = true }
	for name, c := range map[string]struct {
		signedIn []string
		err      error
		want     error
	}{
		"a pupil is signed in":               {[]string{"dp14"}, nil, ErrSignedIn},
		"a pupil beside a test account":      {[]string{"test.pupil", "dp14"}, nil, ErrSignedIn},
		"nobody can say":                     {nil, errors.New("no logind"), ErrWhoIsHere},
		"a test account":                     {[]string{"test.pupil"}, nil, nil},
		"nobody":                             {nil, nil, nil},
		"a pupil signs in while it is tried": {[]string{"later"}, nil, ErrSignedIn},
	} {
		t.Run(name, func(t *testing.T) {
			test := filtered(t, page)
			looks := 0
			test.SignedIn = func() ([]string, error) {
				if looks++; looks == 1 && name == "a pupil signs in while it is tried" {
					return nil, nil
				}
				return c.signedIn, c.err
			}
			asked = false
			r, err := newDevice(t).checker.CheckFilter(t.Context(), test, "Demo Filter Owner")
			if !errors.Is(err, c.want) || c.want != nil && len(r.Results) > 0 {
				t.Errorf("%v, %d results; want %v", err, len(r.Results), c.want)
			}
			if c.want != nil && asked && looks == 1 {
				t.Error("the page was asked for")
			}
			if c.err != nil && !strings.Contains(err.Error(), c.err.Error()) {
				t.Errorf("%v does not say why nobody can say", err)
			}
			if err != nil && strings.Contains(err.Error(), "dp14") {
				t.Errorf("%v says who is signed in", err)
			}
		})
	}
}

func TestG19TheFiltersOwnerIsToldBeforehand(t *testing.T) {
	d, test := newDevice(t), filtered(t, cutOff)
	if _, err := d.checker.CheckFilter(t.Context(), test, " "); !errors.Is(err, ErrNobody) {
		t.Errorf("nobody was told: %v", err)
	}
	test.Pages = nil
	if _, err := d.checker.CheckFilter(t.Context(), test, "Demo Filter Owner"); !errors.Is(err, ErrNoPages) {
		t.Errorf("no page is chosen: %v", err)
	}
}

func TestG19ATestPageVisitedForTheFilterIsNobodysAndAPupilsVisitIsTheirs(t *testing.T) {
	d := newDevice(t)
	var host string
	visit := func(pid int, user string) bool {
		return d.marks.Took("network", event.Observation{Kind: event.Domain, Name: host, Via: event.ViaTLS, PID: pid, User: user})
	}
	var own, unknown, pupils, another bool
	test := filtered(t, func(http.ResponseWriter, *http.Request) {
		own, unknown, pupils = visit(os.Getpid(), "root"), visit(0, ""), visit(7, "dp14")
		host = "other.example"
		another = visit(os.Getpid(), "root")
	})
	u, err := url.Parse(test.Pages[0].URL)
	must(t, err)
	host = u.Hostname()
	_, err = d.checker.CheckFilter(t.Context(), test, "Demo Filter Owner")
	must(t, err)
	if !own || !unknown || pupils || another {
		t.Errorf("taken out: own %v, of nobody known %v, a pupil's %v, of another site %v", own, unknown, pupils, another)
	}
	host = u.Hostname()
	if visit(7, "dp14") {
		t.Error("a pupil's visit was taken out afterwards")
	}
}

func TestTestPagesThatProveNothingAreRefused(t *testing.T) {
	open := Page{Name: "Ours", URL: "https://www.school.example/", Expect: "x", Open: true}
	block := Page{Name: "Test", URL: "https://test.maker.example/", Expect: "x"}
	must(t, CheckPages(nil))
	must(t, CheckPages([]Page{open, block}))
	for name, c := range map[string]struct {
		pages []Page
		want  string
	}{
		"none to be blocked": {[]Page{open}, "at least one that the filter is to block"},
		"none to come":       {[]Page{block}, "open: true"},
		"no name":            {[]Page{open, {URL: block.URL, Expect: "x"}}, "name"},
		"a name twice":       {[]Page{open, block, block}, "taken"},
		"no address":         {[]Page{open, {Name: "Test", URL: "test.maker.example", Expect: "x"}}, "https://"},
		"a file":             {[]Page{open, {Name: "Test", URL: "file:///etc/passwd", Expect: "x"}}, "https://"},
		"nothing to expect":  {[]Page{open, {Name: "Test", URL: block.URL}}, "expect"},
	} {
		if err := CheckPages(c.pages); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
