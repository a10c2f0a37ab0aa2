package admin_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/collector/admin"
	"safelight/collector/model"
	"safelight/internal/localstate"
	"safelight/internal/pki"
)

func TestG03EventsAndAlertsRefuseWithoutAPerson(t *testing.T) {
	h := newHouse(t)
	h.user("Demo DSL", model.DutyDSL, "")
	h.alertAbout("pupil14")
	for _, verb := range []string{"events", "alerts"} {
		for as, says := range map[string]string{
			"": "give --as", "Nobody": "nobody signs in like this", pki.NewSecret(): "nobody signs in like this",
			"demo dsl": "nobody signs in like this", "demo.dsl@school.example": "nobody signs in like this",
		} {
			lines, err := h.ask(verb, admin.Look{As: as})
			wantError(t, err, says)
			if lines != nil {
				t.Errorf("%s --as %q showed %v", verb, as, lines)
			}
		}
	}
	if h.store.did != nil {
		t.Errorf("it did %v", h.store.did)
	}
}

func TestG03WhoLooksIsRecordedBeforeAnythingIsRead(t *testing.T) {
	h := newHouse(t)
	dsl := h.user("Demo DSL", model.DutyDSL, "")
	ref := h.alertAbout("pupil14")
	alert := one[admin.AlertLine](h, "alerts", admin.Look{As: dsl.Token})
	if alert.Ref != ref || alert.State != "open" || alert.Severity != "high" || alert.Role != "pupil" || alert.Events != 1 {
		t.Errorf("the alert is %+v", alert)
	}
	ev := one[admin.EventLine](h, "events", admin.Look{As: "Demo DSL"})
	if ev.Name != "flagged.test" || ev.User != "pupil14" || ev.DeviceName != "Trolley 3" || ev.Subject != alert.Subject || ev.Lane != "high" || ev.Seq != 1 {
		t.Errorf("the event is %+v", ev)
	}
	want := []string{"record alerts", "read alerts", "record events", "read events"}
	if !reflect.DeepEqual(h.store.did, want) {
		t.Errorf("it did %v, want %v", h.store.did, want)
	}
	want = []string{dsl.ID + " alerts from command line as tester", dsl.ID + " events from command line as tester"}
	if got := h.lookers(); !reflect.DeepEqual(got, want) {
		t.Errorf("recorded %v, want %v", got, want)
	}
}

func TestG03WhatCannotBeRecordedIsNotShown(t *testing.T) {
	h := newHouse(t)
	h.user("Demo DSL", model.DutyDSL, "")
	h.alertAbout("pupil14")
	h.store.access = func(model.Access) error { return errors.New("disk full") }
	for _, verb := range []string{"events", "alerts"} {
		lines, err := h.ask(verb, admin.Look{As: "Demo DSL"})
		wantError(t, err, "recording who looks", "disk full")
		if lines != nil {
			t.Errorf("%s showed %v", verb, lines)
		}
	}
	if want := []string{"record events", "record alerts"}; !reflect.DeepEqual(h.store.did, want) {
		t.Errorf("it did %v, want %v", h.store.did, want)
	}
}

func TestG03NobodySeesWhatIsAboutThemselves(t *testing.T) {
	h := newHouse(t)
	self := h.user("Demo Self", model.DutyDSL, `HILL\Pupil14`) // the same person, written otherwise
	other := h.user("Demo Other", model.DutyDeputy, "someone")
	h.alertAbout("pupil14@hill.example")
	for _, verb := range []string{"events", "alerts"} {
		lines, err := h.ask(verb, admin.Look{As: self.Token})
		must(t, err)
		if lines != nil {
			t.Errorf("%s shows %v to the person they are about", verb, lines)
		}
		lines, err = h.ask(verb, admin.Look{As: other.Token})
		must(t, err)
		if len(lines) != 1 {
			t.Errorf("%s shows %d lines to the deputy", verb, len(lines))
		}
	}
}

func TestG03ITAndTheHeadSeeNoPupils(t *testing.T) {
	h := newHouse(t)
	h.alertAbout("pupil14")
	for _, duty := range []model.Duty{model.DutyIT, model.DutyHead} {
		u := h.user("Demo "+string(duty), duty, "")
		for _, verb := range []string{"events", "alerts"} {
			lines, err := h.ask(verb, admin.Look{As: u.Token})
			must(t, err)
			if lines != nil {
				t.Errorf("%s shows %v to %s", verb, lines, duty)
			}
		}
	}
}

func TestG03APersonWhoseAccessHasEndedIsRefused(t *testing.T) {
	h := newHouse(t)
	u := h.user("Demo DSL", model.DutyDSL, "")
	h.alertAbout("pupil14")
	one[admin.Done](h, "user/disable", admin.Named{Name: "DEMO.DSL@school.example"})
	for _, as := range []string{u.Token, "Demo DSL"} {
		_, err := h.ask("events", admin.Look{As: as})
		wantError(t, err, "access has ended")
		_, err = h.ask("rules/publish", admin.RulesPublish{As: as, Reason: "x"})
		wantError(t, err, "access has ended")
	}
	if got := h.lookers(); got != nil {
		t.Errorf("recorded %v", got)
	}
}

func TestG12ATrialUsersNameStopsWorkingWhenTheSchoolIsNoTrial(t *testing.T) {
	h := newHouse(t)
	u := h.user("Demo DSL", model.DutyDSL, "")
	h.alertAbout("pupil14")
	h.store.school = func(s model.School) model.School { s.Trial = false; return s }
	later := h.user("Real Name", model.DutyDSL, "") // added now, so no trial user
	for _, as := range []string{"Demo DSL", "Real Name"} {
		_, err := h.ask("alerts", admin.Look{As: as})
		wantError(t, err, "nobody signs in like this")
	}
	h.store.school = nil
	_, err := h.ask("alerts", admin.Look{As: "Real Name"})
	wantError(t, err, "nobody signs in like this")
	for _, token := range []string{u.Token, later.Token} {
		_, err := h.ask("alerts", admin.Look{As: token})
		must(t, err)
	}
}

func TestLookingSinceATimeLeavesOutWhatCameBefore(t *testing.T) {
	h := newHouse(t)
	h.user("Demo DSL", model.DutyDSL, "")
	h.alertAbout("pupil14")
	for _, verb := range []string{"events", "alerts"} {
		lines, err := h.ask(verb, admin.Look{As: "Demo DSL", Since: noon.Add(time.Hour)})
		must(t, err)
		if lines != nil {
			t.Errorf("%s shows %v", verb, lines)
		}
	}
}

func TestTheSocketAndTheProcessGiveTheSameAnswers(t *testing.T) {
	h := newHouse(t)
	dsl := h.user("Demo DSL", model.DutyDSL, "")
	h.alertAbout("pupil14")
	socket := h.overSocket()
	for _, c := range []struct {
		verb string
		req  any
	}{
		{"events", admin.Look{As: "Demo DSL"}},
		{"alerts", admin.Look{As: dsl.Token}},
		{"alerts", admin.Look{}},
		{"device/list", admin.Nothing{}},
		{"device/revoke", admin.Named{Name: "none"}},
		{"user/list", admin.Nothing{}},
		{"user/add", admin.UserAdd{}},
		{"rules/history", admin.Nothing{}},
		{"roster/import", admin.RosterImport{Name: "r.csv", Data: []byte("account,name,role,year\nx,Demo,pupil,99\n")}},
		{"no/such/verb", admin.Nothing{}},
	} {
		here, errHere := h.ask(c.verb, c.req)
		there, errThere := ask(t, socket, c.verb, c.req)
		if !reflect.DeepEqual(here, there) || text(errHere) != text(errThere) {
			t.Errorf("%s: in the process %v, %v; over the socket %v, %v", c.verb, here, errHere, there, errThere)
		}
	}
	for _, want := range []string{"tester", localstate.Self()} {
		if got := h.lookers(); !slices.Contains(got, dsl.ID+" alerts from command line as "+want) {
			t.Errorf("recorded %v", got)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func post(h *house, verb, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/"+verb, strings.NewReader(body)))
	return w
}

func TestARequestThatIsNotUnderstoodIsRefused(t *testing.T) {
	h := newHouse(t)
	for name, body := range map[string]string{
		"empty": "", "not JSON": "hello", "a list": "[]", "cut": `{"as":"Demo`,
		"an unknown field": `{"as":"Demo DSL","all":true}`, "of another kind": `{"as":7}`,
		"two documents": `{"as":"Demo DSL"}{"as":"Demo Head"}`, "a bad time": `{"as":"x","since":"yesterday"}`,
	} {
		for _, verb := range []string{"events", "alerts"} {
			w := post(h, verb, body)
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "reading the request") {
				t.Errorf("%s, %s: %d %s", verb, name, w.Code, w.Body)
			}
		}
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/events", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", w.Code)
	}
}

func TestATooLargeRequestIsRefused(t *testing.T) {
	h := newHouse(t)
	w := httptest.NewRecorder()
	body := bytes.NewReader(append([]byte(`{"name":"`), bytes.Repeat([]byte("x"), 65<<20)...))
	h.handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/roster/import", body))
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "too large") {
		t.Errorf("%d %.200s", w.Code, w.Body)
	}
}

func TestAFailureOfTheStoreIsNotTheCallersMistake(t *testing.T) {
	h := newHouse(t)
	h.user("Demo DSL", model.DutyDSL, "")
	h.store.access = func(model.Access) error { return errors.New("disk full") }
	if w := post(h, "alerts", `{"as":"Demo DSL"}`); w.Code != http.StatusInternalServerError {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := post(h, "alerts", `{"as":""}`); w.Code != http.StatusBadRequest {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
