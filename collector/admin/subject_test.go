package admin_test

import (
	"testing"

	"safelight/collector/admin"
	"safelight/collector/model"
)

func TestG13ErasingASubjectTakesADSLAReasonAndOneSubject(t *testing.T) {
	h := newHouse(t)
	dsl, it := h.user("Demo DSL", model.DutyDSL, `SCHOOL\own.account`), h.user("Demo IT", model.DutyIT, "")
	h.alertAbout("pupil14")
	h.alertless("own.account")
	subject := one[admin.AlertLine](h, "alerts", admin.Look{As: dsl.Token}).Subject
	for says, req := range map[string]admin.SubjectErase{
		"give --as":            {Account: "pupil14", Reason: "x"},
		"dsl does it":          {As: it.Token, Account: "pupil14", Reason: "x"},
		"--reason":             {As: dsl.Token, Account: "pupil14", Reason: " "},
		"one of the two":       {As: dsl.Token, Reason: "x"},
		"nobody is stored":     {As: dsl.Token, Account: "pupil1", Reason: "x"},
		"no subject with this": {As: dsl.Token, Subject: "NOBODY", Reason: "x"},
		"about themselves":     {As: dsl.Token, Account: "own.account", Reason: "x"},
	} {
		_, err := h.ask("subject/erase", req)
		wantError(t, err, says)
	}
	if ev := one[admin.EventLine](h, "events", admin.Look{As: dsl.Token}); ev.Erased || ev.User != "pupil14" {
		t.Fatalf("a refused erasure erased: %+v", ev)
	}
	done := one[admin.SubjectErased](h, "subject/erase", admin.SubjectErase{As: dsl.Token, Account: "Pupil14", Reason: "asked for"})
	if done.Subject != subject || string(done.Keyring.Sealed) != "sealed" {
		t.Errorf("it answers %+v, want subject %s", done, subject)
	}
	if ev := one[admin.EventLine](h, "events", admin.Look{As: dsl.Token}); !ev.Erased || ev.User != "" || ev.Name != "" || ev.Match != "" || ev.Subject != subject {
		t.Errorf("the event is %+v", ev)
	}
	if h.changed == 0 {
		t.Error("a running collector does not hear of it")
	}
	_, err := h.ask("subject/erase", admin.SubjectErase{As: dsl.Token, Subject: subject, Reason: "again"})
	wantError(t, err, "erased already")
}

func TestHandingOutTheKeyringIsRecorded(t *testing.T) {
	h := newHouse(t)
	if k := one[admin.Keyring](h, "keyring", admin.KeyringRequest{Place: "/backups"}); len(k.Places) != 1 || k.Places[0] != "/backups" {
		t.Errorf("places = %v", k.Places)
	}
	if len(h.store.did) != 1 || h.store.did[0] != "record keyring" {
		t.Errorf("it did %v", h.store.did)
	}
}

// alertless puts somebody on the roster.
func (h *house) alertless(account string) {
	h.t.Helper()
	_, err := h.store.ImportRoster(h.t.Context(), school, "roster.csv", []model.Person{{Account: account, Name: "Demo Person", Role: model.RolePupil, Year: "9"}}, noon)
	must(h.t, err)
}
