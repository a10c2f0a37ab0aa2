package e2etest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"safelight/internal/trialschool"
)

// What IT ends while the collector runs is refused at once, with a reason that whoever
// rolls out can act on, and is on record.
func TestATokenThatWasEndedEnrolsNoDevice(t *testing.T) {
	s := newSchool(t)
	ctx := t.Context()
	collector := must[*trialschool.Program](t)(s.StartCollector(ctx))
	var token struct{ ID, Token string }
	check(t, s.Ask(ctx, &token, "token", "create", "--uses", "2"))
	enrol := func(dir string) error {
		_, err := trialschool.Once(ctx, s.Agent, "enrol", "--as-new", "--dir", filepath.Join(s.Dir, dir), "--token", token.Token)
		return err
	}
	check(t, enrol("first"))
	var listed struct {
		ID, State string
		Left      int
	}
	if check(t, s.Ask(ctx, &listed, "token", "list")); listed.ID != token.ID || listed.Left != 1 || listed.State != "works" {
		t.Errorf("listed %+v", listed)
	}
	must[[]byte](t)(s.Verb(ctx, "token", "end", token.ID))
	if err := enrol("second"); err == nil || !strings.Contains(err.Error(), "this token was ended before its time") {
		t.Errorf("a device with a token that was ended: %v", err)
	}
	if out := must[[]byte](t)(s.Verb(ctx, "token", "list")); len(strings.TrimSpace(string(out))) != 0 {
		t.Errorf("tokens that work: %s", out)
	}
	if out := string(must[[]byte](t)(s.Verb(ctx, "token", "list", "--all"))); !strings.Contains(out, token.ID) || !strings.Contains(out, "ended") || strings.Contains(out, token.Token) {
		t.Errorf("all tokens: %s", out)
	}
	must[string](t)(s.AddDSL(ctx))
	record := filepath.Join(s.Dir, "record")
	must[[]byte](t)(s.Verb(ctx, "audit", "export", "--as", trialschool.DSLName, record))
	if out := string(must[[]byte](t)(os.ReadFile(record))); !strings.Contains(out, `"token.end"`) || !strings.Contains(out, "token:"+token.ID) {
		t.Errorf("the record says nothing of it: %.2000s", out)
	}
	if out := string(must[[]byte](t)(s.Verb(ctx, "device", "list"))); strings.Count(out, "\n") != 1 {
		t.Errorf("the device that it let in is not there, or another is: %s", out)
	}
	check(t, collector.Stop())
}
