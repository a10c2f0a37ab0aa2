package lists

import (
	"context"
	"strings"
	"testing"

	"safelight/collector/model"
)

// A list is somebody else's text: what it says of a site that nothing may flag is
// found before devices judge by it, the version before stays, and a warning stands
// until list or rules are mended.
func TestG05AnUpdateThatWouldFlagWhatNothingMayIsNotTaken(t *testing.T) {
	d := openDesk(t, domainsFrom("bets", never))
	line := "cook.blades.example"
	d.Vet = func(_ context.Context, id string, holds func(string) (string, bool, error)) (string, error) {
		name, ok, err := holds(line)
		if err != nil || !ok || id != "bets" {
			return "", err
		}
		return name + " in it would flag " + line, nil
	}
	good := d.importText(t, "bets", numbered(0, 1000))
	r := d.importText(t, "bets", numbered(0, 1000)+"blades.example\n")
	if r.Outcome != Refused || r.Why != "blades.example in it would flag cook.blades.example" {
		t.Fatalf("result = %+v", r)
	}
	if version, names, err := d.Current(t.Context(), "bets"); err != nil || version != good.Version || names != 1000 {
		t.Errorf("version %d of %d names is in force, %v", version, names, err)
	}
	warns := func(want int64) {
		t.Helper()
		if n, err := d.Warnings(t.Context()); err != nil || n != want {
			t.Errorf("%d warnings, %v", n, err)
		}
	}
	warns(1)
	all, err := d.Standing(t.Context())
	must(t, err)
	if all[0].State != Waiting || !strings.Contains(all[0].Warning, "blades.example in it would flag cook.blades.example") {
		t.Errorf("standing = %+v", all[0])
	}
	ctx := model.WithActor(t.Context(), model.Actor{Who: "user:dsl", Reason: "looked at"})
	_, err = d.Accept(ctx, "bets")
	wantError(t, err, "accepting list bets", "would flag cook.blades.example")
	warns(1)

	line = "elsewhere.example" // the rules let the site through now
	if r, err := d.Accept(ctx, "bets"); err != nil || r.Version <= good.Version {
		t.Errorf("accepted: %+v, %v", r, err)
	}
	warns(0)
}

// Nor is a first version, which no guard looks at.
func TestG05AFirstVersionThatWouldFlagWhatNothingMayIsNotTaken(t *testing.T) {
	d := openDesk(t, domainsFrom("bets", never))
	d.Vet = func(context.Context, string, func(string) (string, bool, error)) (string, error) {
		return "it must not", nil
	}
	if r := d.importText(t, "bets", numbered(0, 10)); r.Outcome != Refused {
		t.Errorf("result = %+v", r)
	}
	if version, _, err := d.Current(t.Context(), "bets"); err != nil || version != 0 {
		t.Errorf("version %d is in force, %v", version, err)
	}
}
