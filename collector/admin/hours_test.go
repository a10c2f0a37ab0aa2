package admin_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"safelight/collector/admin"
	"safelight/collector/model"
)

// deskFuncs is a Desk of funcs; an unset one panics.
type deskFuncs struct {
	admin.Desk
	sites []model.Site
	grant func(by model.User, req model.ExemptionRequest) (model.Exemption, error)
}

func (d deskFuncs) Sites(context.Context) ([]model.Site, error) { return d.sites, nil }

func (d deskFuncs) Grant(_ context.Context, by model.User, req model.ExemptionRequest) (model.Exemption, error) {
	return d.grant(by, req)
}

// houseDesk is the desk that a test gave the house.
type houseDesk struct{ h *house }

func (d houseDesk) SetTimetable(ctx context.Context, by model.Asking, name string, data []byte) (model.TimetableSummary, error) {
	return d.h.desk.SetTimetable(ctx, by, name, data)
}

func (d houseDesk) SetSite(ctx context.Context, by model.Asking, site model.Site) (model.Site, error) {
	return d.h.desk.SetSite(ctx, by, site)
}

func (d houseDesk) RemoveSite(ctx context.Context, by model.Asking, name string) error {
	return d.h.desk.RemoveSite(ctx, by, name)
}
func (d houseDesk) Sites(ctx context.Context) ([]model.Site, error) { return d.h.desk.Sites(ctx) }
func (d houseDesk) Grant(ctx context.Context, by model.User, req model.ExemptionRequest) (model.Exemption, error) {
	return d.h.desk.Grant(ctx, by, req)
}

func (d houseDesk) End(ctx context.Context, by model.User, id string) (model.Exemption, error) {
	return d.h.desk.End(ctx, by, id)
}

func (d houseDesk) Exemptions(ctx context.Context, since time.Time) ([]model.Exemption, error) {
	return d.h.desk.Exemptions(ctx, since)
}

func TestG16LeaveIsGivenBySomebodyAndNeverByTheCommandLineItself(t *testing.T) {
	h := newHouse(t)
	h.user("Demo Teacher", model.DutyTeacher, "")
	h.desk = deskFuncs{grant: func(by model.User, req model.ExemptionRequest) (model.Exemption, error) {
		if by.Duty != model.DutyTeacher || req != (model.ExemptionRequest{Group: "10b", Category: "games", Until: "bell", Reason: "why", Site: "manor"}) {
			t.Errorf("asked %+v by %+v", req, by)
		}
		return model.Exemption{ID: "x1", Group: "10b", Category: "games", Reason: "why", Duty: by.Duty, From: noon, Until: noon.Add(time.Hour), Bell: "Period 4"}, nil
	}}
	ask := admin.ExemptionGrant{As: "Demo Teacher", Class: "10b", Category: "games", Until: "bell", Reason: "why", Site: "manor"}
	got := one[admin.ExemptionRow](h, "exemption/grant", ask)
	if !got.Live || got.By != "Demo Teacher" || h.changed != 1 {
		t.Errorf("granted %+v, woke %d times", got, h.changed)
	}
	if lines := strings.Join(got.Lines(), "\n"); !strings.Contains(lines, "x1  games for 10b  until ") || !strings.Contains(lines, "(the bell of Period 4)") {
		t.Errorf("printed %q", lines)
	}
	for _, as := range []string{"", "Nobody"} {
		ask.As = as
		_, err := h.ask("exemption/grant", ask)
		wantError(t, err, "--as")
	}
	ask.As = "Demo Teacher"
	h.desk.grant = func(model.User, model.ExemptionRequest) (model.Exemption, error) {
		return model.Exemption{}, errors.New("takes the DSL")
	}
	_, err := h.ask("exemption/grant", ask)
	wantError(t, err, "granting an exemption: takes the DSL")
}

func TestADryRunSaysWhatWouldChangeAndChangesNothing(t *testing.T) {
	h := newHouse(t)
	csv := func(lines string) []byte { return []byte("account,name,role,year,groups,colour\n" + lines) }
	first := csv("p1,One,pupil,9,10b,red\np2,Two,pupil,9,,\np3,Three,pupil,9,,\n")
	one[admin.RosterImported](h, "roster/import", admin.RosterImport{Name: "all.csv", Data: first})
	second := csv("p1,One,pupil,10,10c,\nnew,Four,staff,,,\n")
	got := one[admin.RosterImported](h, "roster/import", admin.RosterImport{Name: "all.csv", Data: second, DryRun: true})
	want := `Nothing was imported. 2 people: 1 added, 1 changed, 2 left, 0 unchanged.
Columns kept nowhere: colour
changed: line 2 (pupil, year 10): year, key stage, groups
added: line 3 (staff)
left: p2 (pupil, year 9)
left: p3 (pupil, year 9)`
	if printed := strings.Join(got.Lines(), "\n"); printed != want {
		t.Errorf("printed\n%s\nwant\n%s", printed, want)
	}
	_, err := h.ask("roster/import", admin.RosterImport{Name: "all.csv", Data: second})
	wantError(t, err, "2 of the 3 accounts", "more than a fifth", "--accept-removals")
	if as, known, err := h.store.KnownAs(t.Context(), school, "p2"); err != nil || !known || as.Year != "9" {
		t.Errorf("a refused roster was taken: %+v, %v", as, err)
	}
	if got := one[admin.RosterImported](h, "roster/import", admin.RosterImport{Name: "all.csv", Data: second, AcceptRemovals: true}); got.Left != 2 || len(got.Details) != 0 {
		t.Errorf("imported %+v", got)
	}
}

func TestARosterThatNamesASiteNobodySetIsRefused(t *testing.T) {
	h := newHouse(t)
	h.desk.sites = []model.Site{{Name: "Manor"}}
	ask := admin.RosterImport{Name: "all.csv", Data: []byte("account,name,role,site\np1,One,pupil,manor\np2,Two,pupil,Mannor\n")}
	_, err := h.ask("roster/import", ask)
	wantError(t, err, "all.csv", "line 3", `"Mannor"`, "site set")
	h.desk.sites = append(h.desk.sites, model.Site{Name: "Mannor"})
	if got := one[admin.RosterImported](h, "roster/import", ask); got.Added != 2 {
		t.Errorf("imported %+v", got)
	}
}
