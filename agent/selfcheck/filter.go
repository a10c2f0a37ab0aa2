package selfcheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	pageTime  = 15 * time.Second
	pageBytes = 1 << 20
	maxPages  = 32
)

// Page is a test page that the school chose: never one of real harm, but one that
// its filter blocks because it was asked to, or a maker's test page.
type Page struct {
	Name string // in the school's words; it stands in the report
	URL  string
	// Expect is a text that the page holds when nothing stands in its way.
	Expect string
	// Open says that this page is not to be blocked: it tells a filter from a
	// device without a connection.
	Open bool
}

// CheckPages refuses pages that could prove nothing.
func CheckPages(pages []Page) error {
	if len(pages) > maxPages {
		return fmt.Errorf("%d test pages: want at most %d", len(pages), maxPages)
	}
	open, names := 0, map[string]bool{}
	for i, p := range pages {
		u, err := url.Parse(p.URL)
		switch {
		case p.Name == "" || len(p.Name) > maxText:
			return fmt.Errorf("pages[%d]: name %q: want 1 to %d characters", i, p.Name, maxText)
		case names[p.Name]:
			return fmt.Errorf("pages[%d]: name %q is taken", i, p.Name)
		case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
			return fmt.Errorf("pages[%d]: url %q: want one that begins with https:// or http://", i, p.URL)
		case p.Expect == "" || len(p.Expect) > maxText:
			return fmt.Errorf("pages[%d]: expect: want 1 to %d characters that the page holds when nothing stands in its way", i, maxText)
		}
		names[p.Name] = true
		if p.Open {
			open++
		}
	}
	if len(pages) > 0 && (open == 0 || open == len(pages)) {
		return errors.New("pages: want at least one that the filter is to block, and one with open: true, which tells a filter from no connection")
	}
	return nil
}

// FilterTest is what a test of the filter needs; all are needed.
type FilterTest struct {
	Pages []Page
	// SignedIn lists the accounts that are signed in on this device now.
	SignedIn func() ([]string, error)
	// Pupil says whether an account is, or may be, a pupil's.
	Pupil func(account string) bool
}

// Why a filter's test is refused. None of it says who is signed in.
var (
	ErrNoPages   = errors.New("no test page is chosen: list them in agent.yaml under checks, pages (see docs/limitations.md); Safelight ships none")
	ErrNobody    = errors.New("it takes --told WHO: whoever answers for the filter is told beforehand, so that the test is not taken for a pupil's doing (G19)")
	ErrSignedIn  = errors.New("somebody is signed in whose account is, or may be, a pupil's: a filter is never tried in a pupil's session (G19); sign out, or sign in with an account listed in agent.yaml under checks, test_accounts")
	ErrWhoIsHere = errors.New("this system does not tell who is signed in, so the filter is not tried from here; try it by hand with a named test account and write it down with `safelight-collector check record`")
)

// CheckFilter fetches the school's test pages as the service itself, and says
// which were blocked. It refuses while a pupil may be signed in, and forgets what
// came back should one sign in meanwhile.
func (c *Checker) CheckFilter(ctx context.Context, test FilterTest, told string) (Report, error) {
	switch told = strings.TrimSpace(told); {
	case told == "":
		return Report{}, ErrNobody
	case len(test.Pages) == 0:
		return Report{}, ErrNoPages
	}
	if !c.mu.TryLock() {
		return Report{}, ErrBusy
	}
	defer c.mu.Unlock()
	if err := test.nobodys(); err != nil {
		return Report{}, err
	}
	r, err := c.report(AskedHere, "")
	if err != nil {
		return Report{}, err
	}
	r.Told = told
	t := c.marks.begin(nonce())
	defer c.marks.end(t)
	c.marks.visiting(t, hosts(test.Pages), os.Getpid())
	r.Results = judgePages(test.Pages, fetchAll(ctx, test.Pages))
	if err := test.nobodys(); err != nil {
		return Report{}, err
	}
	return r, ctx.Err()
}

// nobodys refuses where a pupil may be signed in.
func (t FilterTest) nobodys() error {
	accounts, err := t.SignedIn()
	if err != nil {
		return fmt.Errorf("trying the filter: %w; %w", err, ErrWhoIsHere)
	}
	if slices.ContainsFunc(accounts, t.Pupil) {
		return fmt.Errorf("trying the filter: %w", ErrSignedIn)
	}
	return nil
}

func hosts(pages []Page) []string {
	var all []string
	for _, p := range pages {
		if u, err := url.Parse(p.URL); err == nil {
			all = append(all, strings.ToLower(u.Hostname()))
		}
	}
	return all
}

// came is what came back for a page.
type came int

const (
	nothing came = iota
	thePage
	another
)

// answer is what came, and what about it.
type answer struct {
	came   came
	detail string
	took   time.Duration
}

func fetchAll(ctx context.Context, pages []Page) []answer {
	client := &http.Client{
		Timeout:       pageTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSHandshakeTimeout: pageTime},
	}
	all := make([]answer, len(pages))
	for i, p := range pages {
		began := time.Now()
		all[i] = fetch(ctx, client, p)
		all[i].took = time.Since(began)
	}
	return all
}

func fetch(ctx context.Context, client *http.Client, p Page) answer {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL, nil)
	if err != nil {
		return answer{detail: "it could not be asked for"}
	}
	req.Header.Set("User-Agent", "Safelight filter check")
	resp, err := client.Do(req)
	if err != nil {
		return noPage(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, pageBytes)) // what came is looked at, whole or not
	switch {
	case resp.StatusCode/100 == 2 && bytes.Contains(body, []byte(p.Expect)):
		return answer{came: thePage}
	case resp.StatusCode/100 == 3:
		return answer{came: another, detail: fmt.Sprintf("it led elsewhere (status %d)", resp.StatusCode)}
	case resp.StatusCode/100 == 2:
		return answer{came: another, detail: "another page came"}
	}
	return answer{came: another, detail: fmt.Sprintf("it was refused (status %d)", resp.StatusCode)}
}

// noPage words an error without the names in it.
func noPage(err error) answer {
	var timeout interface{ Timeout() bool }
	switch text := err.Error(); {
	case strings.Contains(text, "certificate") || strings.Contains(text, "x509:"):
		return answer{came: another, detail: "somebody answered whose certificate is not the page's"}
	case errors.As(err, &timeout) && timeout.Timeout():
		return answer{detail: "no answer in time"}
	case strings.Contains(text, "no such host"):
		return answer{detail: "the name was not answered"}
	case strings.Contains(text, "reset") || strings.Contains(text, "refused") || strings.Contains(text, "EOF"):
		return answer{detail: "the connection was refused or cut off"}
	}
	return answer{detail: "no connection was made"}
}

// judgePages says what came of each page. Silence is the filter's doing only where
// another page came.
func judgePages(pages []Page, came []answer) []Result {
	connected := slices.ContainsFunc(came, func(a answer) bool { return a.came != nothing })
	results := make([]Result, 0, len(pages))
	for i, p := range pages {
		a := came[i]
		r := Result{Source: p.Name, What: Filter, Outcome: Blocked, Way: "service", ShouldOpen: p.Open, Detail: a.detail, Delay: a.took, DelayMS: a.took.Milliseconds()}
		switch {
		case a.came == thePage:
			r.Outcome = NotBlocked
		case a.came == nothing && !connected:
			r.Outcome, r.Detail = NotChecked, a.detail+"; no page came at all, so this says nothing of the filter"
		}
		results = append(results, r)
	}
	return results
}
