package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"safelight/collector/admin"
	"safelight/collector/audit"
	"safelight/collector/lists"
	"safelight/collector/model"
	"safelight/internal/rules"
)

// subscribed are rules that subscribe to lists.
type subscribed []rules.ListSource

func (s subscribed) Lists() []rules.ListSource { return s }

func (s subscribed) IsProtected(string) bool { return false }

// withLists gives the house's verbs lists on its store.
func (h *house) withLists(urls ...string) *house {
	h.t.Helper()
	var sources subscribed
	for i, u := range urls {
		sources = append(sources, rules.ListSource{
			ID: fmt.Sprintf("list-%d", i+1), Category: "gambling", URL: u, Format: "domains", Licence: "MIT", From: "Invented lists", MaxShrink: 20, MaxGrow: 100,
		})
	}
	l, err := lists.New(lists.Parts{
		School: school, Store: h.store.Store, Rules: func() lists.Rules { return sources }, Dir: h.t.TempDir(),
		Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler),
	})
	must(h.t, err)
	h.parts.Lists, h.parts.Audit = l, recordOnly{record: h.store.record}
	h.handler = admin.New(h.parts).Handler()
	h.Client = admin.On(h.handler, "tester")
	return h
}

// recordOnly is the record for verbs that only write it.
type recordOnly struct {
	admin.Audit
	record *audit.Log
}

func (r recordOnly) Record(ctx context.Context, rec model.AuditRecord) error {
	return r.record.Record(ctx, rec)
}

// read reads a streamed answer.
func read(t testing.TB, body io.ReadCloser) (steps int, ends []admin.ListLine, err error) {
	t.Helper()
	defer func() { must(t, body.Close()) }()
	in := bufio.NewReader(body)
	for {
		text, err := in.ReadBytes('\n')
		if len(text) > 0 {
			var l admin.ListLine
			must(t, json.Unmarshal(text, &l))
			if l.Step != nil {
				steps++
			} else {
				ends = append(ends, l)
			}
		}
		if errors.Is(err, io.EOF) {
			return steps, ends, nil
		}
		if err != nil {
			return steps, ends, err
		}
	}
}

func sites(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "site%d.example\n", i)
	}
	return b.String()
}

func TestAListIsImportedAndAcceptedByAPersonWithAReason(t *testing.T) {
	h := newHouse(t).withLists("https://lists.example/a")
	dsl, it := h.user("Demo DSL", model.DutyDSL, ""), h.user("Demo IT", model.DutyIT, "")
	for i, client := range []*admin.Client{h.Client, h.overSocket()} {
		name := []string{"in this process", "over the socket"}[i]
		send := func(n int) admin.ListLine {
			text := sites(n)
			body, err := client.SendList(t.Context(), it.Token, "list-1", "usb.txt", int64(len(text)), strings.NewReader(text))
			must(t, err)
			steps, ends, err := read(t, body)
			if n == 10 { // a script sees by the exit status that a guard refused it
				wantError(t, err, "not taken", "stays in force")
			} else {
				must(t, err)
			}
			if len(ends) != 1 || ends[0].Result == nil || steps == 0 {
				t.Fatalf("%s: %d steps, then %+v", name, steps, ends)
			}
			return ends[0]
		}
		if i == 0 {
			if r := send(100).Result; r.Outcome != "updated" || r.Names != 100 {
				t.Errorf("%s: %+v", name, r)
			}
		}
		if r := send(10).Result; r.Outcome != "refused" {
			t.Errorf("%s: %+v", name, r)
		}
	}
	_, err := h.ask("lists/accept", admin.ListsAccept{List: "list-1", As: dsl.Token})
	wantError(t, err, "--reason")
	_, err = h.ask("lists/accept", admin.ListsAccept{List: "list-1", Reason: "right"})
	wantError(t, err, "--as")
	for name, duty := range map[string]model.Duty{"Demo Teacher": model.DutyTeacher, "Demo Technician": model.DutyIT, "Demo Head": model.DutyHead} {
		_, err = h.ask("lists/accept", admin.ListsAccept{List: "list-1", As: h.user(name, duty, "").Token, Reason: "right"})
		wantError(t, err, "duties [dsl deputy]")
	}
	if r := one[model.ListResult](h, "lists/accept", admin.ListsAccept{List: "list-1", As: dsl.Token, Reason: "they split it"}); r.Names != 10 || r.Was != 100 {
		t.Errorf("accepted: %+v", r)
	}
	_, err = h.ask("lists/accept", admin.ListsAccept{List: "list-1", As: dsl.Token, Reason: "again"})
	wantError(t, err, "nothing waits", "lists refresh")
	s := one[model.ListStanding](h, "lists", admin.Nothing{})
	if s.State != "good" || s.Names != 10 || s.Licence != "MIT" || s.URL != "usb.txt" || s.By != model.UserActor(dsl.ID) {
		t.Errorf("standing: %+v", s)
	}
	if h.changed == 0 {
		t.Error("the running collector was not told")
	}
}

func TestRefreshGoesOnAfterAListThatFailsAndSaysSo(t *testing.T) {
	good := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, sites(3)) }))
	t.Cleanup(good.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(gone.Close)
	h := newHouse(t).withLists(gone.URL, good.URL)
	body, _, err := h.Stream(t.Context(), "lists/refresh", admin.ListsRefresh{})
	must(t, err)
	_, ends, err := read(t, body)
	wantError(t, err, "list-1", "404")
	if len(ends) != 2 || !strings.Contains(ends[0].Failed, "404") || ends[1].Result == nil || ends[1].Result.Names != 3 {
		t.Errorf("answer: %+v", ends)
	}
	body, _, err = h.Stream(t.Context(), "lists/refresh", admin.ListsRefresh{List: "nonsense"})
	must(t, err)
	_, _, err = read(t, body)
	wantError(t, err, "nonsense", "list-1, list-2")
	_, _, err = newHouse(t).withLists().Stream(t.Context(), "lists/refresh", admin.ListsRefresh{})
	wantError(t, err, "subscribe to none")
}

func TestAnImportWithoutAnIDOrWithAForgedNameIsRefused(t *testing.T) {
	h := newHouse(t).withLists("https://lists.example/a")
	it := h.user("Demo IT", model.DutyIT, "")
	for as, says := range map[string]string{"": "--as", "nobody": "nobody signs in", h.user("Demo Head", model.DutyHead, "").Token: "duties [dsl deputy it]"} {
		_, err := h.SendList(t.Context(), as, "list-1", "usb.txt", 1, strings.NewReader("x"))
		wantError(t, err, says)
	}
	_, err := h.SendList(t.Context(), it.Token, "list-1", "two\nlines", 1, strings.NewReader("x"))
	wantError(t, err, "plain text")
	_, err = h.SendList(t.Context(), it.Token, "list-1", "x", -1, strings.NewReader("x"))
	wantError(t, err, "importing")
	body, err := h.SendList(context.Background(), it.Token, "", "x", 1, strings.NewReader("x"))
	must(t, err)
	_, _, err = read(t, body)
	wantError(t, err, "subscribe to list-1")
}
