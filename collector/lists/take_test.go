package lists

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"safelight/collector/model"
	"safelight/collector/store"
	"safelight/internal/rules"
)

const never = "https://lists.example/names.txt"

func TestAnImportedListIsKeptWithItsSummaryAndProvenance(t *testing.T) {
	d := openDesk(t, domainsFrom("bets", never))
	ctx := model.WithActor(t.Context(), model.Actor{Who: model.SystemActor("admin")})
	body := "b.example\na.example\nA.example.\n192.0.2.1\nsamaritans.org\n"
	var steps []string
	r, err := d.Import(ctx, "bets", "usb/bets.txt", int64(len(body)), strings.NewReader(body), func(s Step) { steps = append(steps, s.Phase) })
	must(t, err)
	if r.Outcome != Updated || r.Version != 1 || r.Names != 2 || r.Added != 2 || r.Summary.Lines != 5 || r.Summary.Duplicates != 1 {
		t.Errorf("result = %+v, %+v", r, r.Summary)
	}
	if got := strings.Join(slices.Compact(steps), " "); got != "fetching reading storing" {
		t.Errorf("steps: %s", got)
	}
	all, err := d.Standing(t.Context())
	must(t, err)
	s := all[0]
	if s.ID != "bets" || s.Category != "gambling" || s.State != Good || s.Names != 2 || s.Licence != "MIT" || s.From != "Invented lists" ||
		s.URL != "usb/bets.txt" || s.By != "system:admin" || len(s.SHA256) != 64 || !s.Fetched.Equal(noon) || said(*s.Summary) != said(*r.Summary) {
		t.Errorf("standing = %+v", s)
	}
	if left, err := os.ReadDir(d.Dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := d.Import(ctx, "other", "x", 1, strings.NewReader("x"), quiet); err == nil || !strings.Contains(err.Error(), "they subscribe to bets") {
		t.Errorf("a list that nobody subscribed to: %v", err)
	}
}

func TestAListWithoutNamesChangesNothing(t *testing.T) {
	d := openDesk(t, domainsFrom("bets", never))
	d.importText(t, "bets", "a.example\n")
	for _, page := range []string{"", "<html><body>Not found, sorry</body></html>\n", "# moved\n"} {
		_, err := d.Import(t.Context(), "bets", "x", 0, strings.NewReader(page), quiet)
		wantError(t, err, "no names in it", "domains")
	}
	if got := d.names(t, "bets", 1); len(got) != 1 {
		t.Errorf("names = %v", got)
	}
	versions, err := d.store.ListVersions(t.Context(), school, "bets")
	if err != nil || len(versions) != 1 {
		t.Errorf("versions left: %v, %v", versions, err)
	}
}

func TestTheSameNamesInAnotherOrderAreNoNewVersion(t *testing.T) {
	d := openDesk(t, domainsFrom("bets", never))
	d.importText(t, "bets", "a.example\nb.example\n")
	if r := d.importText(t, "bets", "# new head\nb.example\na.example\na.example\n"); r.Outcome != Unchanged || r.Version != 1 {
		t.Errorf("result = %+v", r)
	}
}

func TestChangesAreWhatADeviceLacks(t *testing.T) {
	d := openDesk(t, domainsFrom("bets", never))
	d.importText(t, "bets", numbered(0, 5000))
	r := d.importText(t, "bets", numbered(10, 5020))
	if r.Added != 20 || r.Removed != 10 || r.Was != 5000 {
		t.Errorf("result = %+v", r)
	}
	var adds, removes []string
	for c, err := range d.Changes(t.Context(), "bets", 1, 2) {
		must(t, err)
		if c.Removed {
			removes = append(removes, c.Name)
		} else {
			adds = append(adds, c.Name)
		}
	}
	if len(adds) != 20 || adds[0] != "site05000.example" || len(removes) != 10 || removes[9] != "site00009.example" {
		t.Errorf("adds %v, removes %v", adds, removes)
	}
	for c, err := range d.Changes(t.Context(), "bets", 1, 2) { // whoever has seen enough may leave
		must(t, err)
		if !c.Removed {
			t.Errorf("first change: %+v", c)
		}
		break
	}
	d.importText(t, "bets", numbered(10, 5021))
	for _, err := range d.Changes(t.Context(), "bets", 1, 3) {
		wantIs(t, err, ErrNotKept)
	}
	for _, err := range d.Names(t.Context(), "bets", 1) {
		wantIs(t, err, ErrNotKept)
	}
	if got := d.names(t, "bets", 3); len(got) != 5011 || got[0] != "site00010.example" {
		t.Errorf("%d names, the first %s", len(got), got[0])
	}
}

// Each file is within the guards of the one before, and the fourth is not within
// those of what anybody but the bringer looked at.
func TestG07FilesBroughtOneAfterAnotherDoNotMoveTheGuards(t *testing.T) {
	d := openDesk(t, domainsFrom("bets", never))
	d.importText(t, "bets", numbered(0, 1000))
	for _, n := range []int{1900, 900, 1999} {
		if r := d.importText(t, "bets", numbered(0, n)); r.Outcome != Updated {
			t.Errorf("%d names: %+v", n, r)
		}
	}
	for _, n := range []int{3000, 700} {
		if r := d.importText(t, "bets", numbered(0, n)); r.Outcome != Refused || !strings.Contains(r.Why, "has 1000") {
			t.Errorf("%d names: %+v", n, r)
		}
	}
}

func TestAListThatCollapsesOrSwellsWaitsForAPerson(t *testing.T) {
	src := domainsFrom("bets", never)
	d := openDesk(t, src)
	d.importText(t, "bets", numbered(0, 1000))
	if r := d.importText(t, "bets", numbered(0, 801)); r.Outcome != Updated {
		t.Errorf("a fifth fewer: %+v", r)
	}
	for _, c := range []struct {
		names int
		says  string
	}{{799, "799 names, and the last that its source gave or somebody accepted has 1000: more than 20 % fewer"}, {2001, "2001 names, and the last that its source gave or somebody accepted has 1000: more than 100 % more"}} {
		r := d.importText(t, "bets", numbered(0, c.names))
		if r.Outcome != Refused || !strings.Contains(r.Why, c.says) {
			t.Errorf("%d names: %+v", c.names, r)
		}
		if version, names, err := d.Current(t.Context(), "bets"); err != nil || names != 801 || version != 2 {
			t.Errorf("in force: version %d of %d names, %v", version, names, err)
		}
	}
	all, err := d.Standing(t.Context())
	must(t, err)
	if all[0].State != Waiting || all[0].Offered != 2001 || !strings.Contains(all[0].Warning, "lists accept bets") {
		t.Errorf("standing = %+v", all[0])
	}
	ctx := model.WithActor(t.Context(), model.Actor{Who: model.UserActor("u1"), Reason: "they merged two lists"})
	r, err := d.Accept(ctx, "bets")
	must(t, err)
	if r.Names != 2001 || r.Was != 801 {
		t.Errorf("accepted: %+v", r)
	}
	if got := d.names(t, "bets", r.Version); len(got) != 2001 {
		t.Errorf("%d names in force", len(got))
	}
	if r := d.importText(t, "bets", numbered(0, 3900)); r.Outcome != Updated { // against what was accepted
		t.Errorf("under twice what was accepted: %+v", r)
	}
	d.importText(t, "bets", numbered(0, 2001))
	if all, _ = d.Standing(t.Context()); all[0].State != Good {
		t.Errorf("standing = %+v", all[0])
	}
	_, err = d.Accept(ctx, "bets")
	wantIs(t, err, ErrNothingWaits)
	if _, err = d.Accept(ctx, "unheard-of"); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("a list that is not there: %v", err)
	}
	if all, _ = d.Standing(t.Context()); len(all) != 1 {
		t.Errorf("asking for a list made it: %+v", all)
	}
	var noted []string
	must(t, d.store.Audit(t.Context(), school, func(tx *store.AuditTx) error {
		rows, err := tx.TakeOutbox(100)
		for _, r := range rows {
			noted = append(noted, r.What+" "+r.Ref+" by "+r.Actor+": "+r.Reason)
		}
		return err
	}))
	if !slices.Contains(noted, "list.accept list:bets by user:u1: they merged two lists") {
		t.Errorf("on record: %v", noted)
	}
}

func TestGuardsAreTheSubscriptionsOwn(t *testing.T) {
	for _, c := range []struct {
		shrink, grow uint32
		was, now     int64
		refused      bool
	}{{20, 100, 100, 80, false}, {20, 100, 100, 79, true}, {20, 100, 100, 200, false}, {20, 100, 100, 201, true}, {0, 0, 100, 99, true}, {50, 10, 100, 50, false}, {50, 10, 100, 111, true}} {
		if why := guard(rules.ListSource{ID: "x", MaxShrink: c.shrink, MaxGrow: c.grow}, c.was, c.now); (why != "") != c.refused {
			t.Errorf("%+v: %q", c, why)
		}
	}
}

func TestContainsKnowsParentsAndBothKeptVersions(t *testing.T) {
	d := openDesk(t, domainsFrom("bets", never))
	body := numbered(0, 5000) + "deep.site00007.example\nxn--bcher-kva.example\n"
	d.importText(t, "bets", body)
	d.importText(t, "bets", body[len("site00000.example\n"):])
	for _, c := range []struct {
		version    int64
		host, name string
	}{
		{1, "site00000.example", "site00000.example"},
		{2, "site00000.example", ""},
		{2, "a.b.site04999.example", "site04999.example"},
		{2, "very.deep.site00007.example.", "deep.site00007.example"},
		{2, "shallow.SITE00007.example", "site00007.example"},
		{2, "bücher.example", "xn--bcher-kva.example"},
		{2, "example", ""},
		{2, "site.example", ""},
		{2, "notsite00007.example", ""},
		{2, "192.0.2.1", ""},
		{2, "aaa.aaa", ""},
		{2, "zzz.zzz", ""},
	} {
		name, ok, err := d.Contains(t.Context(), "bets", c.version, c.host)
		if err != nil || name != c.name || ok != (c.name != "") {
			t.Errorf("%+v: %q, %v, %v", c, name, ok, err)
		}
	}
	_, _, err := d.Contains(t.Context(), "bets", 9, "a.example")
	wantIs(t, err, ErrNotKept)
	_, _, err = d.Contains(t.Context(), "bets", 2, "no host at all")
	wantIs(t, err, errNoHost)
}

func TestADamagedVersionIsReplacedByTheNextImport(t *testing.T) {
	d := openDesk(t, domainsFrom("bets", never))
	d.importText(t, "bets", "a.example\nb.example\n")
	_, err := d.store.DB().ExecContext(t.Context(), `UPDATE list_chunks SET data = $1 WHERE school_id = $2`, []byte("damaged"), school)
	must(t, err)
	_, _, err = d.Contains(t.Context(), "bets", 1, "a.example")
	wantIs(t, err, errChunk)
	if r := d.importText(t, "bets", "a.example\nb.example\n"); r.Outcome != Updated || r.Version != 2 {
		t.Errorf("result = %+v", r)
	}
	if name, ok, err := d.Contains(t.Context(), "bets", 2, "www.a.example"); name != "a.example" || !ok || err != nil {
		t.Errorf("mended: %q, %v, %v", name, ok, err)
	}
}

func TestAnImportThatIsBrokenOffLeavesNothingBehind(t *testing.T) {
	d := openDesk(t, domainsFrom("bets", never))
	d.importText(t, "bets", "a.example\n")
	ctx, cancel := context.WithCancel(t.Context())
	body := numbered(0, 90_000)
	_, err := d.Import(ctx, "bets", "x", int64(len(body)), strings.NewReader(body), func(s Step) {
		if s.Phase == "storing" {
			cancel()
		}
	})
	wantIs(t, err, context.Canceled)
	versions, err := d.store.ListVersions(t.Context(), school, "bets")
	if err != nil || len(versions) != 1 {
		t.Errorf("versions: %v, %v", versions, err)
	}
	if left, err := os.ReadDir(d.Dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if got := d.names(t, "bets", 1); len(got) != 1 {
		t.Errorf("in force: %v", got)
	}
}

func TestWhatAKilledCollectorLeftIsSweptAtStart(t *testing.T) {
	dir := t.TempDir()
	f, err := temporary(dir)
	must(t, err)
	must(t, f.Close())
	must(t, os.WriteFile(dir+"/collector.yaml", nil, 0o600))
	_, err = New(Parts{Dir: dir})
	must(t, err)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestAListTakenOutOfTheRulesIsStillShown(t *testing.T) {
	d := openDesk(t, domainsFrom("bets", never), domainsFrom("dates", never))
	d.importText(t, "bets", "a.example\n")
	d.rules.sources = d.rules.sources[1:]
	all, err := d.Standing(t.Context())
	must(t, err)
	var got []string
	for _, s := range all {
		got = append(got, fmt.Sprintf("%s: %s", s.ID, s.State))
	}
	if text := strings.Join(got, ", "); text != "dates: none yet, bets: not in use" {
		t.Error(text)
	}
}
