package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
)

// family is a school whose devices are copied.
type family struct {
	t *testing.T
	*Store
	n int
}

func newFamily(t *testing.T, devices ...string) *family {
	t.Helper()
	f := &family{t: t, Store: openStore(t)}
	_, err := f.writer.ExecContext(t.Context(), `UPDATE schools SET trial = 0 WHERE school_id = $1`, school)
	must(t, err)
	must(t, f.AddToken(t.Context(), model.Token{School: school, ID: "t", Hash: []byte("h"), Uses: 9, Created: noon, Expires: noon.Add(time.Hour)}))
	for _, id := range devices {
		must(t, f.Enrol(t.Context(), school, []byte("h"), noon, model.Device{ID: id, Name: id, KeyHash: []byte(id), Enrolled: noon, Expires: noon.Add(time.Hour)}))
	}
	return f
}

// split asks for one more of a device; empty: it is held.
func (f *family) split(from string, at time.Time) (id string) {
	f.t.Helper()
	f.n++
	answer, err := f.SplitDevice(f.t.Context(), school, model.Split{From: from, Instance: fmt.Sprint("run ", f.n), Device: model.Device{
		ID: fmt.Sprint("copy-", f.n), Name: "copy", KeyHash: fmt.Appendf(nil, "key %d", f.n), Enrolled: at, Expires: at.Add(time.Hour),
	}})
	must(f.t, err)
	if answer.Held != (answer.ID == "") {
		f.t.Fatalf("answered %+v", answer)
	}
	return answer.ID
}

// TestWhoeverHasOneKeyCannotFillTheSchoolsList: neither with copies, nor with copies of
// copies, nor by waiting until the collector was started again.
func TestWhoeverHasOneKeyCannotFillTheSchoolsList(t *testing.T) {
	f := newFamily(t, "laptop", "other")
	from, made, at := "laptop", 0, noon
	for range 3 * model.SplitsAnHour {
		if id := f.split(from, at); id != "" {
			from, made = id, made+1 // a copy of the copy
		}
	}
	if made != model.SplitsAnHour {
		t.Errorf("%d devices came of one key within an hour, want %d", made, model.SplitsAnHour)
	}
	if f.split("other", at) == "" {
		t.Error("copies of another device are held too")
	}
	f.Store = reopen(t, f.Store)
	if f.split("laptop", at.Add(59*time.Minute)) != "" {
		t.Error("a restart lets more through")
	}
	for hour := 1; hour < 24; hour++ {
		for f.split(from, at.Add(time.Duration(hour)*time.Hour)) != "" {
			made++
		}
	}
	if made != model.SplitsADay {
		t.Errorf("%d devices came of one key within a day, want %d", made, model.SplitsADay)
	}
	if f.split("laptop", at.Add(25*time.Hour)) == "" {
		t.Error("copies are held for ever")
	}
	said, err := f.HealthTimes(t.Context(), school, model.HealthSplitsHeld, noon)
	must(t, err)
	if len(said) != 1 || len(said["laptop"]) != 2 { // noon, and 20 hours after
		t.Errorf("IT is told %v", said)
	}
	came, err := f.Splits(t.Context(), school)
	must(t, err)
	if last := came[len(came)-1]; len(came) != made+2 || came[0].Parent != "laptop" || last.Origin != "laptop" {
		t.Errorf("%d came of copies, the last one is %+v", len(came), last)
	}
}

// TestAnImageOf300BecomesTheirOwnWithinADayOfSchool, where each asks every minute.
func TestAnImageOf300BecomesTheirOwnWithinADayOfSchool(t *testing.T) {
	f := newFamily(t, "image")
	left := 299
	for at := noon; left > 0; at = at.Add(time.Minute) {
		if at.Sub(noon) > 4*time.Hour {
			t.Fatalf("%d of 299 are left after four hours", left)
		}
		for left > 0 && f.split("image", at) != "" {
			left--
		}
	}
}

func TestLeaveForMoreCopiesIsForOneFamilyAndADayAndOnRecord(t *testing.T) {
	f := newFamily(t, "image", "other")
	var first string
	for range model.SplitsAnHour {
		if id := f.split("image", noon); first == "" {
			first = id
		}
	}
	if f.split("image", noon) != "" {
		t.Fatal("there is no bound")
	}
	origin, err := f.LeaveForSplits(model.WithActor(t.Context(), model.Actor{Who: "root"}), school, first, 2, noon)
	if must(t, err); origin != "image" {
		t.Errorf("leave for %q, want the family's first", origin)
	}
	leave, err := f.SplitLeave(t.Context(), school, noon)
	if must(t, err); len(leave) != 1 || leave["image"] != 2 {
		t.Errorf("leave in force: %v", leave)
	}
	if leave, err = f.SplitLeave(t.Context(), school, noon.Add(model.SplitLeaveLasts)); err != nil || len(leave) != 0 {
		t.Errorf("leave in force a day later: %v, %v", leave, err)
	}
	if f.split("image", noon) == "" || f.split(first, noon) == "" || f.split("image", noon) != "" {
		t.Error("leave for two more lets another number through")
	}
	var record model.AuditRecord
	must(t, f.reader.QueryRowContext(t.Context(), `SELECT what, ref, actor, outcome FROM audit_outbox WHERE school_id = $1 AND what = 'device.split'`, school).
		Scan(&record.What, &record.Ref, &record.Actor, &record.Outcome))
	if record.Ref != model.DeviceActor("image") || record.Actor != "root" || record.Outcome == "" {
		t.Errorf("on record is %+v", record)
	}
	day := noon.Add(model.SplitLeaveLasts)
	for range model.SplitsAnHour {
		if f.split("image", day) == "" {
			t.Fatal("the bound of the next day is another one")
		}
	}
	if f.split("image", day) != "" {
		t.Error("leave lasts for longer than a day")
	}
}

func TestACopyOfARevokedDeviceAndAskingAgainChangeNothing(t *testing.T) {
	f := newFamily(t, "laptop")
	ask := func() (model.SplitAnswer, error) {
		return f.SplitDevice(t.Context(), school, model.Split{From: "laptop", Instance: "second", Device: model.Device{ID: fmt.Sprint("copy-", f.n), KeyHash: []byte("own"), Enrolled: noon, Expires: noon.Add(time.Hour)}})
	}
	one, err := ask()
	must(t, err)
	f.n++
	two, err := ask()
	if must(t, err); one.ID != two.ID {
		t.Errorf("asking twice gave %q and %q", one.ID, two.ID)
	}
	must(t, f.RevokeDevice(t.Context(), school, "laptop", noon))
	if _, err := f.SplitDevice(t.Context(), school, model.Split{From: "laptop", Device: model.Device{ID: "x", KeyHash: []byte("x"), Enrolled: noon}}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a copy of a revoked device: %v", err)
	}
}

// TestACopyThatAsksManyTimesAtOnceIsOneDevice: through several collectors, and until its
// answer comes.
func TestACopyThatAsksManyTimesAtOnceIsOneDevice(t *testing.T) {
	f := newFamily(t, "laptop")
	const asks = 8
	answers := make(chan error, asks)
	for i := range asks {
		go func() {
			_, err := f.SplitDevice(t.Context(), school, model.Split{From: "laptop", Instance: "second", Device: model.Device{
				ID: fmt.Sprint("copy-", i), KeyHash: []byte("own"), Enrolled: noon, Expires: noon.Add(time.Hour),
			}})
			answers <- err
		}()
	}
	for range asks {
		must(t, <-answers)
	}
	came, err := f.Splits(t.Context(), school)
	if must(t, err); len(came) != 1 {
		t.Errorf("%d devices came of one copy: %+v", len(came), came)
	}
}

// TestWhatBecameOfARunIsLookedUp: each start of each agent asks, and going through all
// that ever came of copies takes longer every year.
func TestWhatBecameOfARunIsLookedUp(t *testing.T) {
	if onPostgres() {
		t.Skip("its planner goes by what the tables hold")
	}
	s := openStore(t)
	for _, which := range []string{` AND r.device = $2 AND r.instance = $3`, ` AND r.told > 0`, ` AND r.heard > $2`, ` AND r.told > 0 AND r.told > $2`} {
		rows, err := s.reader.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+selectRuns+which, planArgs(selectRuns+which)...)
		must(t, err)
		plan, err := drain(rows, func(row scanner) (detail string, err error) {
			var id, parent, unused int64
			return detail, row.Scan(&id, &parent, &unused, &detail)
		})
		must(t, err)
		for _, step := range plan {
			if !strings.Contains(step, "=? AND ") {
				t.Errorf("%q goes through a table:\n%s", which, strings.Join(plan, "\n"))
			}
		}
	}
}

func TestRunsKeepWhenTheyWereFirstKnownAndTold(t *testing.T) {
	f := newFamily(t, "laptop")
	save := func(runs ...model.Run) { t.Helper(); must(t, f.SaveRuns(t.Context(), school, runs)) }
	save(model.Run{Device: "laptop", Instance: "a", Arrived: noon, Heard: noon},
		model.Run{Device: "laptop", Instance: "b\x00\xff", Arrived: noon.Add(time.Minute), Heard: noon.Add(time.Minute), Told: noon.Add(time.Minute)})
	save(model.Run{Device: "laptop", Instance: "a", Arrived: noon.Add(time.Hour), Heard: noon.Add(time.Hour)},
		model.Run{Device: "laptop", Instance: "b\x00\xff", Arrived: noon, Heard: noon, Told: noon.Add(time.Hour)})
	a, ok, err := f.DeviceRun(t.Context(), school, "laptop", "a")
	if must(t, err); !ok || !a.Arrived.Equal(noon) || !a.Heard.Equal(noon.Add(time.Hour)) || !a.Told.IsZero() || a.Own {
		t.Errorf("kept %+v", a)
	}
	told, err := f.ToldRuns(t.Context(), school)
	if must(t, err); len(told) != 1 || told[0].Instance != "b\x00\xff" || !told[0].Told.Equal(noon.Add(time.Minute)) || told[0].Own {
		t.Errorf("told %+v", told)
	}
	_, err = f.SplitDevice(t.Context(), school, model.Split{From: "laptop", Instance: "b\x00\xff", Device: model.Device{ID: "own", KeyHash: []byte("its own"), Enrolled: noon, Expires: noon.Add(time.Hour)}})
	must(t, err)
	if told, err = f.ToldRuns(t.Context(), school); err != nil || !told[0].Own || string(told[0].KeyHash) != "its own" {
		t.Errorf("after it split: %+v, %v", told, err)
	}
	if _, ok, err := f.DeviceRun(t.Context(), "another school", "laptop", "a"); ok || err != nil {
		t.Errorf("another school's: %t, %v", ok, err)
	}
	must(t, f.ForgetRuns(t.Context(), school, noon.Add(30*time.Minute)))
	if _, ok, _ := f.DeviceRun(t.Context(), school, "laptop", "b\x00\xff"); ok {
		t.Error("one that was not heard since is still known")
	}
	if _, ok, _ := f.DeviceRun(t.Context(), school, "laptop", "a"); !ok {
		t.Error("one that was heard since is forgotten")
	}
}

// TestRunsThatAreMadeUpPutNoneOut: or whoever has a key would have the laptop itself
// taken for the copy.
func TestRunsThatAreMadeUpPutNoneOut(t *testing.T) {
	s := openStore(t)
	runs := []model.Run{{Device: "laptop", Instance: "original", Arrived: noon, Heard: noon}}
	for i := range 2 * runsKept {
		at := noon.Add(time.Duration(i) * time.Second)
		runs = append(runs, model.Run{Device: "laptop", Instance: fmt.Sprint("made up ", i), Arrived: at, Heard: at})
	}
	must(t, s.SaveRuns(t.Context(), school, runs))
	if _, ok, err := s.DeviceRun(t.Context(), school, "laptop", "original"); !ok || err != nil {
		t.Errorf("the original is known: %t, %v", ok, err)
	}
	var n int
	must(t, s.reader.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM device_runs WHERE school_id = $1`, school).Scan(&n))
	if n != runsKept {
		t.Errorf("%d runs are kept, want %d", n, runsKept)
	}
}

// TestWhatAnotherCollectorHeardOrToldLatelyIsListed, once each.
func TestWhatAnotherCollectorHeardOrToldLatelyIsListed(t *testing.T) {
	f := newFamily(t, "laptop")
	at := func(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }
	newest, err := f.NewestRun(t.Context(), school, "laptop")
	if must(t, err); !newest.IsZero() {
		t.Errorf("before any run it was heard %v", newest)
	}
	must(t, f.SaveRuns(t.Context(), school, []model.Run{
		{Device: "laptop", Instance: "long ago", Arrived: noon, Heard: noon},
		{Device: "laptop", Instance: "asleep and told", Arrived: at(1), Heard: at(1), Told: at(60)},
		{Device: "laptop", Instance: "told again", Arrived: at(59), Heard: at(60), Told: at(61)},
		{Device: "other", Instance: "new", Arrived: at(70), Heard: at(58)},
	}))
	lately, err := f.RunsSince(t.Context(), school, at(55))
	must(t, err)
	var got []string
	for _, r := range lately {
		got = append(got, r.Instance)
	}
	if !slices.Equal(got, []string{"new", "asleep and told", "told again"}) {
		t.Errorf("lately were %q", got)
	}
	for device, want := range map[string]time.Time{"laptop": at(60), "other": at(70)} {
		newest, err := f.NewestRun(t.Context(), school, device)
		if must(t, err); !newest.Equal(want) {
			t.Errorf("of %s the newest is %v, want %v", device, newest, want)
		}
	}
	if lately, err = f.RunsSince(t.Context(), "another school", noon.Add(-time.Hour)); err != nil || len(lately) != 0 {
		t.Errorf("of another school: %+v, %v", lately, err)
	}
}
