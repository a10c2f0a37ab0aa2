package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
	"safelight/internal/rules"
)

const shops = `category: shops
title: Invented shops
noun: shops
about: Invented.
purpose: safeguarding
risk: ordinary
severity: high
owner: Demo
why: A test of lists.
first_steps: [See the child in person.]
action: {pupil: alert}
domains:
  - shop.example
  - {list: invented-shops, url: "%s", format: domains, licence: MIT, from: Invented lists}
tests: {hit: [{domain: shop.example}], miss: [shopping, {domain: cook.knives.example}]}
`

// TestAFetchedListIsJudgedByAndChecked goes from a source to a verdict and back to
// the list's own text.
func TestAFetchedListIsJudgedByAndChecked(t *testing.T) {
	names := "one.example\ntwo.example\n"
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, names) }))
	t.Cleanup(source.Close)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(t.TempDir(), "school")
	must(Init(ctx, dir))
	conf, err := ReadConfig(dir)
	must(err)
	s, err := openState(ctx, dir, conf, time.Now)
	must(err)
	t.Cleanup(func() { must(s.close()) })
	p, err := build(ctx, conf, s, Options{Dir: dir, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	must(err)
	files := builtIn(t)
	files["our-school/pack.yaml"] = []byte("pack: our-school\ntitle: Our school\nversion: 1\n")
	files["our-school/shops.yaml"] = fmt.Appendf(nil, shops, source.URL)
	_, err = p.policy.Publish(ctx, files, "u1", "a test")
	must(err)
	judge := func(host string) rules.Verdict {
		return p.policy.Rules().Judge(rules.Input{Kind: event.Domain, Text: host, Role: "pupil", At: time.Now()})
	}
	if v := judge("www.one.example"); v.Decision != rules.None {
		t.Fatalf("before it is fetched: %+v", v)
	}
	refresh := func(serial uint64) {
		t.Helper()
		_, err := p.lists.Refresh(ctx, "invented-shops", func(model.ListStep) {})
		must(err)
		must(p.lists.Publish(ctx))
		if _, got := p.policy.InForce(); got != serial {
			t.Errorf("serial %d in force, want %d", got, serial)
		}
	}
	refresh(2)
	v := judge("www.one.example")
	if v.Decision != rules.Flag || v.Rule != "shops/list/invented-shops" || v.List != "invented-shops" {
		t.Errorf("verdict: %+v", v)
	}
	names = "one.example\nthree.example\n"
	refresh(3)
	refresh(3) // nothing has changed: devices are not troubled
	if v := judge("three.example"); v.Decision != rules.Flag {
		t.Errorf("a new name: %+v", v)
	}
	if v := judge("two.example"); v.Decision != rules.None {
		t.Errorf("a name that is gone: %+v", v)
	}
	for host, mistaken := range map[string]bool{"www.one.example": false, "two.example": false, "innocent.example": true} {
		if got := p.lists.Unlisted(ctx, &model.Event{Kind: event.Domain, Name: host, Rule: v.Rule}); got != mistaken {
			t.Errorf("%s: taken for a mistake: %v", host, got)
		}
	}
	names = "one.example\nthree.example\nfour.example\nknives.example\n"
	if r, err := p.lists.Refresh(ctx, "invented-shops", func(model.ListStep) {}); err != nil || !strings.Contains(r.Why, `knives.example in it would flag "cook.knives.example"`) {
		t.Errorf("an update that flags what has to be missed: %+v, %v", r, err)
	}
	must(p.lists.Publish(ctx))
	if v := judge("four.example"); v.Decision != rules.None {
		t.Errorf("an update that was refused is judged by: %+v", v)
	}
	answer := httptest.NewRecorder()
	p.metrics(answer, httptest.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, "/metrics", nil))
	if text := answer.Body.String(); !strings.Contains(text, "\nsafelight_list_mistakes 1\n") || !strings.Contains(text, "\nsafelight_list_warnings 1\n") {
		t.Errorf("metrics:\n%s", text)
	}
}

// A restored collector asks for its lists when it begins to serve, though none is due
// for a day: devices may hold a newer edition than the one that was put back.
func TestARestoredCollectorReadsItsListsAtOnce(t *testing.T) {
	asked := make(chan struct{}, 8)
	names := "one.example\n"
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		_, _ = io.WriteString(w, names)
	}))
	t.Cleanup(source.Close)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	school := filepath.Join(t.TempDir(), "school")
	must(Init(t.Context(), school))
	conf, err := ReadConfig(school)
	must(err)
	s, err := openState(t.Context(), school, conf, time.Now)
	must(err)
	t.Cleanup(func() { must(s.close()) })
	p, err := build(t.Context(), conf, s, Options{Dir: school, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	must(err)
	files := builtIn(t)
	files["our-school/pack.yaml"] = []byte("pack: our-school\ntitle: Our school\nversion: 1\n")
	files["our-school/shops.yaml"] = fmt.Appendf(nil, shops, source.URL)
	_, err = p.policy.Publish(t.Context(), files, "u1", "a test")
	must(err)
	_, err = p.lists.Refresh(t.Context(), "invented-shops", func(model.ListStep) {})
	must(err)
	<-asked
	must(p.lists.Publish(t.Context()))
	names = "one.example\nnewer.example\n"
	must(s.store.ListsRestored(t.Context(), schoolID)) // as Restore does
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- p.lists.Run(ctx) }()
	<-asked
	for p.policy.Rules().Judge(rules.Input{Kind: event.Domain, Text: "newer.example", Role: "pupil", At: time.Now()}).Decision != rules.Flag {
		runtime.Gosched() // until the newer edition is judged by
	}
	stop()
	must(<-ran)
}
