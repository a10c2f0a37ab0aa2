package lists

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"safelight/collector/model"
	"safelight/internal/rules"
)

const (
	fetchTries    = 3
	fetchTime     = 30 * time.Minute // for one try
	headerTime    = 30 * time.Second
	stallTime     = 60 * time.Second // without a byte
	firstPause    = 2 * time.Second  // before the second try; four times as long before the third
	longestPause  = time.Minute
	mostRedirects = 5
)

// fetcher brings files from their sources.
type fetcher struct {
	client *http.Client
	agent  string
	now    func() time.Time
	wait   func(ctx context.Context, d time.Duration) error
	spread func(time.Duration) time.Duration // a random part of so much
}

func newFetcher(t http.RoundTripper, version string, now func() time.Time) fetcher {
	if t == nil {
		t = &http.Transport{
			Proxy: viaProxy, DialContext: dialPublic,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: headerTime,
			DisableKeepAlives: true, // one file, once a day
			ForceAttemptHTTP2: true,
		}
	}
	return fetcher{
		client: &http.Client{Transport: t, CheckRedirect: onlyHTTPS},
		agent:  "safelight-collector/" + version, now: now, wait: wait, spread: spread,
	}
}

var errRedirect = errors.New("it redirects to an address without https, or too often: it is not followed")

func onlyHTTPS(r *http.Request, via []*http.Request) error {
	if r.URL.Scheme != "https" || len(via) > mostRedirects {
		return errRedirect
	}
	if ledAstray(r) {
		return errPrivate
	}
	return nil
}

// wait waits, or returns early with ctx's error.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// spread is a random part of a time.
func spread(d time.Duration) time.Duration { return rand.N(max(d, 1)) }

// passing is a failure that may be gone in a moment.
type passing struct {
	error
	after time.Duration // how long the source asks to be left alone
}

// fetch brings a list's file, into a temporary one in dir. A nil file without an
// error: the source says that it is the one that is known. force asks for it all
// the same.
func (f *fetcher) fetch(ctx context.Context, src rules.ListSource, known model.List, force bool, dir string, limits Limits, tell func(Step) error) (*file, error) {
	for try := 1; ; try++ {
		got, err := f.once(ctx, src, known, force, dir, limits, tell)
		var again passing
		if err == nil || ctx.Err() != nil || !errors.As(err, &again) || try == fetchTries {
			return got, err
		}
		pause := firstPause << (2 * (try - 1))
		pause = min(max(pause+f.spread(pause/2), again.after), longestPause)
		if err := f.wait(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// identity tells what was fetched from what the subscription says now: the same
// file read otherwise is another list.
func identity(src rules.ListSource) string {
	return strings.Join([]string{src.URL, src.Format, src.Member}, " ")
}

func (f *fetcher) once(ctx context.Context, src rules.ListSource, known model.List, force bool, dir string, limits Limits, tell func(Step) error) (_ *file, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	where, pin, err := splitPin(src.URL)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return nil, errors.New("its URL is none")
	}
	req = req.WithContext(routed(ctx, req.URL))
	req.Header.Set("User-Agent", f.agent)
	if !force && known.URL == identity(src) {
		setIf(req, "If-None-Match", known.ETag)
		setIf(req, "If-Modified-Since", known.Modified)
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, unreachable(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusNotModified && !force {
		return nil, nil
	}
	if err := accepted(resp); err != nil {
		return nil, err
	}
	if resp.ContentLength > limits.File {
		return nil, fmt.Errorf("it is %d MB large and a list may have %d: it is not taken", resp.ContentLength>>20, limits.File>>20)
	}
	got, err := f.save(ctx, cancel, resp, dir, limits, tell)
	if err != nil {
		return nil, err
	}
	if pin != nil && !bytes.Equal(pin, got.sha256) {
		return nil, errors.Join(fmt.Errorf("its SHA-256 is %x and the rules pin %x: it is not taken", got.sha256, pin), got.close())
	}
	got.url, got.what = shownURL(where), "list.refresh"
	got.try = &model.ListTry{At: got.fetched, URL: identity(src), ETag: plainHeader(resp, "ETag"), Modified: plainHeader(resp, "Last-Modified")}
	return got, nil
}

func setIf(req *http.Request, name, value string) {
	if value != "" {
		req.Header.Set(name, value)
	}
}

// plainHeader leaves out what no honest source sends, and no database keeps.
func plainHeader(resp *http.Response, name string) string {
	value := resp.Header.Get(name)
	if len(value) > 512 || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return value
}

// unreachable words a failure to reach a source without its whole address, which
// may hold a key.
func unreachable(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	for _, final := range []error{errRedirect, errPrivate} {
		if errors.Is(err, final) {
			return final
		}
	}
	return passing{error: fmt.Errorf("asking its source: %w", err)}
}

// accepted says whether an answer holds the file.
func accepted(resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	err := fmt.Errorf("its source answers %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	if resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests {
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // a date counts as none
		return passing{err, time.Duration(min(max(seconds, 0), 3600)) * time.Second}
	}
	return err
}

// save writes an answer's body to a file and reads its hash on the way. stop ends
// the request where nothing arrives any more.
func (f *fetcher) save(ctx context.Context, stop context.CancelFunc, resp *http.Response, dir string, limits Limits, tell func(Step) error) (_ *file, err error) {
	out, err := temporary(dir)
	if err != nil {
		return nil, err
	}
	got := &file{File: out, fetched: f.now(), temporary: true}
	defer func() {
		if err != nil {
			err = errors.Join(err, got.close())
		}
	}()
	stalled := time.AfterFunc(stallTime, stop)
	defer stalled.Stop()
	hash := sha256.New()
	body := &telling{
		in: io.LimitReader(resp.Body, limits.File+1), step: Step{Phase: "fetching", Of: max(resp.ContentLength, 0)},
		tell: tell,
	}
	got.size, err = io.Copy(io.MultiWriter(out, hash), &alive{body, stalled})
	switch {
	case err != nil && ctx.Err() == nil:
		return nil, passing{error: fmt.Errorf("its source broke off after %d bytes: %w", got.size, err)}
	case err != nil:
		return nil, passing{error: fmt.Errorf("its source fell silent after %d bytes", got.size)}
	case got.size > limits.File:
		return nil, fmt.Errorf("it is over %d MB large: it is not taken", limits.File>>20)
	}
	got.sha256 = hash.Sum(nil)
	_, err = out.Seek(0, io.SeekStart)
	return got, err
}

// alive puts a timer off with every byte.
type alive struct {
	in    io.Reader
	timer *time.Timer
}

func (a *alive) Read(p []byte) (int, error) {
	n, err := a.in.Read(p)
	if n > 0 {
		a.timer.Reset(stallTime)
	}
	return n, err
}

// pinMark stands in a subscription's URL before the hash that its file must have:
// https://lists.example/names.txt#sha256=9f86d0...
const pinMark = "#sha256="

func splitPin(from string) (where string, pin []byte, err error) {
	where, text, pinned := strings.Cut(from, pinMark)
	if pinned {
		pin, err = hex.DecodeString(text)
		if err != nil || len(pin) != sha256.Size {
			return "", nil, errors.New("what follows #sha256= in its URL is no hash: want 64 characters of 0-9 and a-f")
		}
	}
	u, err := url.Parse(where)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", nil, errors.New("its URL is none: want one that begins with https://")
	}
	return where, pin, nil
}

// shownURL is a URL without what may be a key.
func shownURL(where string) string {
	u, err := url.Parse(where)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
