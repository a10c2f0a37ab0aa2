package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

// outbox takes what waits for the record, as "actor what ref outcome (reason) via".
func outbox(t testing.TB, s *Store) (all []string) {
	t.Helper()
	must(t, s.Audit(t.Context(), school, func(tx *AuditTx) error {
		records, err := tx.TakeOutbox(1000)
		for _, r := range records {
			all = append(all, fmt.Sprintf("%s %s %s %s (%s) %s", r.Actor, r.What, r.Ref, r.Outcome, r.Reason, r.Via))
		}
		return err
	}))
	return all
}

func TestEveryChangeByAPersonIsNotedInItsTransaction(t *testing.T) {
	s := openStore(t)
	outbox(t, s)
	ctx := model.WithActor(t.Context(), model.Actor{Who: model.SystemActor("it"), Via: "command line as it"})
	link := []byte("link")
	device := model.Device{ID: "laptop", Enrolled: noon, Expires: noon.Add(time.Hour), KeyHash: []byte("k")}
	addPupil(t, s, "pupil1")
	add(t, s, eventOf("laptop", 1, "pupil1", event.High))
	gatherAll(t, s, &jobs{})
	ref := alerts(t, s)[0].Ref
	outbox(t, s)
	for i, step := range []struct {
		do   func() error
		want string
	}{
		{func() error {
			return s.AddUser(ctx, model.User{School: school, ID: "dsl", Name: "Demo DSL", Email: "d@school.example", Duty: model.DutyDSL, LinkHash: link, LinkExpires: noon.Add(time.Hour), Created: noon})
		}, "system:it user.add user:dsl dsl () command line as it"},
		{func() error { return s.SetPassword(ctx, school, "dsl", "hash", noon) }, "user:dsl user.password user:dsl  () command line as it"},
		{func() error { return s.RecordSignIn(ctx, school, "dsl", false, noon) }, "somebody sign-in user:dsl refused () command line as it"},
		{func() error { return s.RecordSignIn(ctx, school, "dsl", true, noon) }, "user:dsl sign-in user:dsl done () command line as it"},
		{func() error {
			return s.AddToken(ctx, model.Token{School: school, ID: "t1", Hash: []byte("token"), Uses: 1, Expires: noon.Add(time.Hour), Created: noon})
		}, "system:it token.create token:t1  () command line as it"},
		{func() error { return s.Enrol(ctx, school, []byte("token"), noon, device) }, "token:t1 device.enrol device:laptop  () command line as it"},
		{func() error { return s.EndToken(ctx, school, "t1", noon) }, "system:it token.end token:t1  () command line as it"},
		{func() error { return s.RenewDevice(t.Context(), school, "laptop", noon.Add(2*time.Hour)) }, "device:laptop device.renew device:laptop  () "},
		{func() error {
			return s.PublishPolicy(ctx, model.PolicyVersion{School: school, Epoch: 1, Serial: 3, Issued: noon, By: "dsl", Reason: "First rules"}, nil)
		}, "user:dsl rules.publish rules:1.3  (First rules) command line as it"},
		{func() error { _, err := s.AcknowledgeAlert(ctx, school, ref, "dsl", noon); return err }, "user:dsl alert.take alert:" + ref + "  () command line as it"},
		{func() error { return s.RevokeDevice(ctx, school, "laptop", noon) }, "system:it device.revoke device:laptop  () command line as it"},
		{func() error { return s.DisableUser(ctx, school, "dsl") }, "system:it user.disable user:dsl  () command line as it"},
	} {
		must(t, step.do())
		if got := outbox(t, s); !slices.Equal(got, []string{step.want}) {
			t.Errorf("step %d noted %q, want %q", i, got, step.want)
		}
	}
}

func TestAChangeThatFailsIsNotNoted(t *testing.T) {
	s := openStore(t)
	u := addUser(t, s, "dsl", model.DutyDSL, "")
	outbox(t, s)
	for what, err := range map[string]error{
		"adding a user twice":     s.AddUser(t.Context(), u),
		"disabling nobody":        s.DisableUser(t.Context(), school, "none"),
		"revoking nothing":        s.RevokeDevice(t.Context(), school, "none", noon),
		"a spent link":            s.SetPassword(t.Context(), school, "dsl", "hash", noon),
		"a sign-in of nobody":     s.RecordSignIn(t.Context(), school, "none", true, noon),
		"enrolling without token": s.Enrol(t.Context(), school, []byte("none"), noon, model.Device{ID: "x"}),
	} {
		if err == nil {
			t.Errorf("%s succeeded", what)
		}
	}
	if got := outbox(t, s); got != nil {
		t.Errorf("noted %q", got)
	}
}

func TestTwoCollectorsCannotTakeTheSamePlaceInTheRecord(t *testing.T) {
	s := openStore(t)
	put := func(tx *AuditTx) error { return tx.Append(model.AuditRow{Index: 0, Leaf: []byte("leaf")}) }
	must(t, s.Audit(t.Context(), school, put))
	if err := s.Audit(t.Context(), school, put); !errors.Is(err, ErrTaken) {
		t.Errorf("error = %v, want ErrTaken", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, s.Audit(ctx, school, func(tx *AuditTx) error { _, err := tx.Size(); return err })) // once begun it is not broken off
}

// A store of the first release has its looks in a table of their own.
func TestLooksOfTheFirstReleaseGoIntoTheRecord(t *testing.T) {
	s := openStore(t)
	outbox(t, s)
	_, err := s.writer.Exec(`CREATE TABLE accesses (school_id TEXT, id TEXT, at BIGINT, user_id TEXT, what TEXT, ref TEXT, origin TEXT)`)
	must(t, err)
	_, err = s.writer.Exec(`INSERT INTO accesses (school_id, id, at, user_id, what, ref, origin) VALUES
		('hill-lane', 'a', 1, 'dsl', 'inbox', '', '192.0.2.1'), ('hill-lane', 'b', 2, 'dsl', 'alert', 'R', '192.0.2.1')`)
	must(t, err)
	for _, table := range []string{"audit_outbox", "audit_leaves", "audit_hashes", "audit_records", "audit_checkpoints", "audit_witnesses"} {
		_, err := s.writer.Exec(`DROP TABLE ` + table)
		must(t, err)
	}
	all, err := migrations(migrationFiles)
	must(t, err)
	must(t, apply(t.Context(), s.writer, migration{version: 99, name: "0099_again", sql: all[1].sql}, noon))
	want := []string{"user:dsl read.inbox   () 192.0.2.1", "user:dsl read.alert alert:R  () 192.0.2.1"}
	if got := outbox(t, s); !slices.Equal(got, want) {
		t.Errorf("moved %q, want %q", got, want)
	}
}
