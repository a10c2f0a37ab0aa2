package admin_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"safelight/collector/admin"
	"safelight/collector/model"
	"safelight/internal/pki"
)

func TestATokenCarriesAllADeviceNeedsAndIsStoredAsAHash(t *testing.T) {
	h := newHouse(t)
	made := one[admin.TokenMade](h, "token/create", admin.TokenCreate{Site: "annexe", Uses: 3, Expires: 24 * time.Hour})
	tok, err := pki.ParseToken(made.Token)
	must(t, err)
	if tok.Addresses[0] != "192.0.2.7:7443" || tok.ServerName != "collector.test" || !made.Expires.Equal(noon.Add(24*time.Hour)) || made.Uses != 3 {
		t.Errorf("made %+v carrying %+v", made, tok)
	}
	kept, err := h.store.Tokens(t.Context(), school)
	must(t, err)
	if len(kept) != 1 || string(kept[0].Hash) != string(pki.HashSecret(tok.Secret)) || kept[0].Uses != 3 || kept[0].Site != "annexe" {
		t.Errorf("kept %+v", kept)
	}
}

func TestATokenOutOfBoundsIsRefused(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct {
		req  admin.TokenCreate
		says string
	}{
		{admin.TokenCreate{Uses: 0, Expires: time.Hour}, "--uses 0"},
		{admin.TokenCreate{Uses: -1, Expires: time.Hour}, "--uses -1"},
		{admin.TokenCreate{Uses: 100_001, Expires: time.Hour}, "--uses 100001"},
		{admin.TokenCreate{Uses: 1, Expires: time.Hour, Site: "main\nannexe"}, "--site"},
		{admin.TokenCreate{Uses: 1}, "--expires 0s"},
		{admin.TokenCreate{Uses: 1, Expires: -time.Hour}, "--expires -1h"},
		{admin.TokenCreate{Uses: 1, Expires: 400 * 24 * time.Hour}, "--expires 9600h"},
	} {
		_, err := h.ask("token/create", c.req)
		wantError(t, err, "creating a token", c.says)
	}
	kept, err := h.store.Tokens(t.Context(), school)
	must(t, err)
	if len(kept) != 0 {
		t.Errorf("kept %v", kept)
	}
}

func TestADeviceIsListedAndRevokedOnceKnown(t *testing.T) {
	h := newHouse(t)
	h.device("d1")
	row := one[admin.DeviceRow](h, "device/list", admin.Nothing{})
	if row.ID != "d1" || row.Name != "Trolley 3" || row.Revoked != nil || row.LastSeen != nil {
		t.Errorf("listed %+v", row)
	}
	for _, id := range []string{"", "d2", "D1", "Trolley 3"} {
		_, err := h.ask("device/revoke", admin.Named{Name: id})
		wantError(t, err, "revoking a device", "device list")
	}
	if h.changed != 0 {
		t.Errorf("the collector was woken %d times for nothing", h.changed)
	}
	one[admin.Done](h, "device/revoke", admin.Named{Name: "d1"})
	if row := one[admin.DeviceRow](h, "device/list", admin.Nothing{}); row.Revoked == nil || !row.Revoked.Equal(noon) {
		t.Errorf("listed %+v", row)
	}
	if h.changed != 1 {
		t.Errorf("the collector was woken %d times, want once: open streams must end", h.changed)
	}
}

func TestAUserGetsALinkAndATokenThatAreNotStored(t *testing.T) {
	h := newHouse(t)
	made := one[admin.UserAdded](h, "user/add", admin.UserAdd{Name: "  Demo DSL ", Email: "Demo.DSL@School.example", Duty: "dsl", Account: "Staff7"})
	link, ok := strings.CutPrefix(made.Link, "https://collector.test:8443/welcome/")
	if !ok || made.Name != "Demo DSL" || !made.Expires.Equal(noon.Add(72*time.Hour)) {
		t.Errorf("made %+v", made)
	}
	u, err := h.store.UserByID(t.Context(), school, made.ID)
	must(t, err)
	if string(u.LinkHash) != string(pki.HashSecret(link)) || string(u.TokenHash) != string(pki.HashSecret(made.Token)) || !u.Trial || u.PasswordHash != "" {
		t.Errorf("kept %+v", u)
	}
	// The sign-in page looks the address up in small letters.
	if u.Email != "demo.dsl@school.example" {
		t.Errorf("the address is kept as %q: nobody could sign in with it", u.Email)
	}
	row := one[admin.UserRow](h, "user/list", admin.Nothing{})
	if row.SignedUp || row.Disabled || row.Duty != "dsl" {
		t.Errorf("listed %+v", row)
	}
}

func TestABadUserIsRefused(t *testing.T) {
	h := newHouse(t)
	good := admin.UserAdd{Name: "Demo DSL", Email: "dsl@school.example", Duty: "dsl"}
	one[admin.UserAdded](h, "user/add", good)
	for name, c := range map[string]struct {
		change func(*admin.UserAdd)
		says   string
	}{
		"no name":                      {func(u *admin.UserAdd) { u.Name = " " }, "--name"},
		"a long name":                  {func(u *admin.UserAdd) { u.Name = strings.Repeat("x", 201) }, "--name"},
		"a name of two lines":          {func(u *admin.UserAdd) { u.Name, u.Email = "B\nDemo Head", "b@school.example" }, "plain text"},
		"a name that moves the cursor": {func(u *admin.UserAdd) { u.Name, u.Email = "B\x1b[2J", "b@school.example" }, "plain text"},
		"a taken name":                 {func(u *admin.UserAdd) { u.Email = "b@school.example" }, "is taken"},
		"no address":                   {func(u *admin.UserAdd) { u.Name, u.Email = "B", "" }, "--email"},
		"no address at all":            {func(u *admin.UserAdd) { u.Name, u.Email = "B", "school.example" }, "--email"},
		"an address with a name":       {func(u *admin.UserAdd) { u.Name, u.Email = "B", "B <b@school.example>" }, "--email"},
		"two addresses":                {func(u *admin.UserAdd) { u.Name, u.Email = "B", "b@school.example, c@school.example" }, "--email"},
		"an address with a line break": {func(u *admin.UserAdd) { u.Name, u.Email = "B", "b@school.example\r\nBcc: x@y.example" }, "--email"},
		"a taken address":              {func(u *admin.UserAdd) { u.Name, u.Email = "B", "DSL@school.example" }, "already"},
		"no duty":                      {func(u *admin.UserAdd) { u.Name, u.Email, u.Duty = "B", "b@school.example", "" }, "--duty"},
		"an invented duty":             {func(u *admin.UserAdd) { u.Name, u.Email, u.Duty = "B", "b@school.example", "root" }, "want one of"},
	} {
		req := good
		c.change(&req)
		if _, err := h.ask("user/add", req); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	one[admin.UserRow](h, "user/list", admin.Nothing{})
}

func TestDisablingSomebodyWhoIsNotThereIsRefused(t *testing.T) {
	h := newHouse(t)
	u := h.user("Demo DSL", model.DutyDSL, "")
	for _, name := range []string{"", "Demo DSL", "other@school.example"} {
		_, err := h.ask("user/disable", admin.Named{Name: name})
		wantError(t, err, "disabling a user", "user list")
	}
	one[admin.Done](h, "user/disable", admin.Named{Name: u.ID})
	if row := one[admin.UserRow](h, "user/list", admin.Nothing{}); !row.Disabled {
		t.Errorf("listed %+v", row)
	}
}

func TestARosterIsTakenWholeOrNotAtAll(t *testing.T) {
	h := newHouse(t)
	_, err := h.ask("roster/import", admin.RosterImport{Name: "pupils.csv", Data: []byte("account,name,role,year\ndp1,Demo One,pupil,9\ndp2,Demo Two,pupil,1O\n")})
	wantError(t, err, "pupils.csv", "3") // the line
	_, known, err := h.store.SubjectByAccount(t.Context(), school, "dp1")
	must(t, err)
	if known || h.changed != 0 {
		t.Errorf("half a roster was taken (%d)", h.changed)
	}
	got := one[admin.RosterImported](h, "roster/import", admin.RosterImport{Name: "pupils.csv", Data: []byte("account,name,role,year\ndp1,Demo One,pupil,9\n")})
	if got.People != 1 || got.Added != 1 || got.Changed+got.Left+got.Unchanged != 0 || h.changed != 1 {
		t.Errorf("imported %+v, woke %d times", got, h.changed)
	}
}

func TestRulesArePublishedByTheDSLAlone(t *testing.T) {
	h := newHouse(t)
	for _, duty := range []model.Duty{model.DutyDeputy, model.DutyHead, model.DutyIT} {
		u := h.user("Demo "+string(duty), duty, "")
		_, err := h.ask("rules/publish", admin.RulesPublish{As: u.Token, Reason: "because"}) // publishing would panic
		wantError(t, err, "publishing rules", string(duty))
	}
	_, err := h.ask("rules/publish", admin.RulesPublish{Reason: "because"})
	wantError(t, err, "--as")
	dsl := h.user("Demo DSL", model.DutyDSL, "")
	h.publish = func(files map[string][]byte, by, reason string) (model.PolicyVersion, error) {
		if string(files["a/b.yaml"]) != "x" || by != dsl.ID || reason != "because" {
			t.Errorf("published %v by %q: %q", files, by, reason)
		}
		return model.PolicyVersion{Epoch: 1, Serial: 4, Issued: noon, By: by, Reason: reason, KeyID: "k"}, nil
	}
	got := one[admin.RulesPublished](h, "rules/publish", admin.RulesPublish{Files: map[string][]byte{"a/b.yaml": []byte("x")}, As: "Demo DSL", Reason: " because "})
	if got.Serial != 4 || got.By != "Demo DSL" || h.changed != 1 {
		t.Errorf("got %+v, woke %d times", got, h.changed)
	}
}

func TestRulesThatDoNotHoldWakeNobody(t *testing.T) {
	h := newHouse(t)
	h.user("Demo DSL", model.DutyDSL, "")
	h.publish = func(map[string][]byte, string, string) (model.PolicyVersion, error) {
		return model.PolicyVersion{}, errors.New("a/b.yaml:3:1: unknown key")
	}
	_, err := h.ask("rules/publish", admin.RulesPublish{Files: map[string][]byte{"a/b.yaml": []byte("x")}, As: "Demo DSL", Reason: "because"})
	wantError(t, err, "a/b.yaml:3:1: unknown key")
	if h.changed != 0 {
		t.Error("devices were told of nothing")
	}
}

func TestTheHistoryNamesWhoAndWhy(t *testing.T) {
	h := newHouse(t)
	dsl := h.user("Demo DSL", model.DutyDSL, "")
	for n, by := range []string{dsl.ID, "somebody who is no more"} {
		must(t, h.store.PublishPolicy(t.Context(), model.PolicyVersion{
			School: school, Epoch: 1, Serial: uint64(n + 1), KeyID: "k", Issued: noon, By: by, Reason: "because",
		}, nil))
	}
	lines, err := h.ask("rules/history", admin.Nothing{})
	must(t, err)
	if len(lines) != 2 || !strings.Contains(lines[0], "somebody who is no more") || !strings.Contains(lines[1], "Demo DSL") || !strings.Contains(lines[1], "because") {
		t.Errorf("got %v", lines)
	}
}
