package people

import (
	"crypto"
	"crypto/ed25519"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"google.golang.org/protobuf/proto"

	"safelight/collector/model"
	"safelight/collector/store"
	"safelight/internal/pki"
	"safelight/internal/timetable"
	safelightv1 "safelight/proto/safelight/v1"
)

const school = model.SchoolID("hill-lane")

// inLesson is Friday, half an hour before the bell.
var inLesson = time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)

const bells = "zone: Europe/London\nperiods:\n  - {name: Period 1, kind: lesson, from: '09:00', to: '10:00'}\n  - {name: Period 2, kind: lesson, from: '10:00', to: '11:00'}\nterms: [{from: 2026-09-03, to: 2026-12-18}]\n"

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// desk is a school's desk over a real store, at a time that tests set.
type desk struct {
	*Desk
	store    *store.Store
	overlays *Overlays
	now      time.Time
	key      crypto.Signer
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "safelight.db"))
	noError(t, err)
	t.Cleanup(func() { noError(t, s.Close()) })
	noError(t, s.EnsureSchool(t.Context(), model.School{ID: school, Name: "Hill Lane", Trial: true, Created: inLesson}))
	d := &desk{store: s, now: inLesson}
	d.key, err = pki.NewPolicyKey()
	noError(t, err)
	clock := func() time.Time { return d.now }
	d.overlays = NewOverlays(school, s, func() (crypto.Signer, string) {
		id, err := pki.KeyID(d.key.Public())
		noError(t, err)
		return d.key, id
	}, clock)
	zone, err := time.LoadLocation("Europe/London")
	noError(t, err)
	d.Desk = &Desk{School: school, Store: s, Sign: d.overlays.Make, Exemptable: []string{"games", "video"}, Zone: zone, Now: clock}
	_, err = s.ImportRoster(t.Context(), school, "r", []model.Person{
		{Account: "p1", Name: "A", Role: model.RolePupil, Groups: []string{"10b"}}, {Account: "p2", Name: "B", Role: model.RolePupil, Groups: []string{"10b", "alone"}},
	}, inLesson)
	noError(t, err)
	return d
}

// body is the newest overlay of a name, as devices read it.
func (d *desk) body(t *testing.T, name string) *safelightv1.OverlayBody {
	t.Helper()
	noError(t, d.overlays.Reload(t.Context()))
	for _, o := range d.overlays.Current() {
		if o.GetName() != name {
			continue
		}
		if !pki.Verify(d.key.Public().(ed25519.PublicKey), pki.OverlayContext, o.GetBody(), o.GetSignature()) {
			t.Errorf("%s: the signature does not hold", name)
		}
		body := &safelightv1.OverlayBody{}
		noError(t, proto.Unmarshal(o.GetBody(), body))
		if body.GetName() != name || body.GetSerial() != o.GetSerial() || body.GetKeyId() != o.GetKeyId() || body.GetSchool() != string(school) ||
			!body.GetExpires().AsTime().Equal(o.GetExpires().AsTime()) {
			t.Errorf("%s: around it stands %v", name, o)
		}
		return body
	}
	return nil
}

var (
	teacher = model.User{ID: "teacher-1", Duty: model.DutyTeacher}
	dsl     = model.User{ID: "dsl-1", Duty: model.DutyDSL}
)

func leave(until string) model.ExemptionRequest {
	return model.ExemptionRequest{Group: " 10B", Category: "games", Until: until, Reason: "Media lesson"}
}

func TestG16ATeachersLeaveEndsAtTheBellAndLongerTakesTheDSL(t *testing.T) {
	d := newDesk(t)
	if _, err := d.Grant(t.Context(), teacher, leave("bell")); err == nil || !strings.Contains(err.Error(), "timetable import") {
		t.Errorf("without a timetable: %v", err)
	}
	summary, err := d.SetTimetable(t.Context(), model.Asking{}, "bells.yaml", []byte(bells))
	if err != nil || summary.Periods != 2 || !slices.Contains(summary.Now[0].Words, "lesson") {
		t.Fatalf("imported %+v, %v", summary, err)
	}
	e, err := d.Grant(t.Context(), teacher, leave("bell"))
	if err != nil || !e.Until.Equal(inLesson.Add(30*time.Minute)) || e.Bell != "Period 1" || e.Group != "10b" {
		t.Errorf("granted %+v, %v", e, err)
	}
	for name, c := range map[string]struct {
		by    model.User
		until string
		want  string // "": it is granted
	}{
		"a time before the bell":       {teacher, "09:45", ""},
		"a time after it":              {teacher, "10:01", "takes the DSL"},
		"the head's after it":          {model.User{Duty: model.DutyHead}, "10:01", "takes the DSL"},
		"a deputy's after it":          {model.User{Duty: model.DutyDeputy}, "10:01", "takes the DSL"},
		"IT's":                         {model.User{Duty: model.DutyIT}, "bell", "not IT's"},
		"the DSL's of a day":           {dsl, "2026-11-21T09:30:00Z", ""},
		"the DSL's of more than a day": {dsl, "2026-11-21T09:30:01Z", "over 24 hours"},
		"one that has passed":          {dsl, "09:29", "has passed"},
		"no time":                      {dsl, "later", "want bell"},
	} {
		e, err := d.Grant(t.Context(), c.by, leave(c.until))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %+v, %v; want %q", name, e, err, c.want)
		}
	}
	d.now = inLesson.Add(10 * time.Hour)
	if _, err := d.Grant(t.Context(), teacher, leave("bell")); err == nil || !strings.Contains(err.Error(), "no period is on") {
		t.Errorf("at night: %v", err)
	}
	counts, err := d.store.ExemptionCounts(t.Context(), school, inLesson.Add(-time.Hour), d.now)
	want := []model.ExemptionCount{{Category: "games", Duty: model.DutyDSL, Count: 1}, {Category: "games", Duty: model.DutyTeacher, Count: 2}}
	if err != nil || !slices.Equal(counts, want) {
		t.Errorf("the week counts %+v, %v; want %+v", counts, err, want)
	}
}

func TestG07LeaveIsNeverForOnePersonNorFromWhatIsNotOnTheList(t *testing.T) {
	d := newDesk(t)
	for want, change := range map[string]func(*model.ExemptionRequest){
		"one person in it":   func(r *model.ExemptionRequest) { r.Group = "alone" },
		"no such group":      func(r *model.ExemptionRequest) { r.Group = "p1" },
		"no such group is":   func(r *model.ExemptionRequest) { r.Group = "" },
		"from games, video":  func(r *model.ExemptionRequest) { r.Category = "self-harm" },
		"from games, video ": func(r *model.ExemptionRequest) { r.Category = "illegal-content" },
		"--reason":           func(r *model.ExemptionRequest) { r.Reason = " " },
	} {
		req := leave("12:00")
		change(&req)
		if e, err := d.Grant(t.Context(), dsl, req); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(want)) {
			t.Errorf("%+v: %+v, %v; want %q", req, e, err, want)
		}
	}
	if body := d.body(t, "exemptions"); body != nil {
		t.Errorf("devices are told %v", body)
	}
}

func TestDevicesAreToldOfLeaveAndOfItsEndWithoutWhoGaveItOrWhy(t *testing.T) {
	d := newDesk(t)
	first, err := d.Grant(t.Context(), dsl, leave("12:00"))
	noError(t, err)
	one := d.body(t, "exemptions")
	all := one.GetExemptions().GetExemptions()
	if len(all) != 1 || all[0].GetGroup() != "10b" || all[0].GetCategory() != "games" || !all[0].GetUntil().AsTime().Equal(first.Until) ||
		!one.GetExpires().AsTime().Equal(first.Until) || strings.Contains(one.String(), "Media") || strings.Contains(one.String(), "dsl-1") {
		t.Errorf("devices are told %v", one)
	}
	if _, err := d.End(t.Context(), model.User{ID: "teacher-2", Duty: model.DutyTeacher}, first.ID); err == nil || !strings.Contains(err.Error(), "whoever gave it") {
		t.Errorf("another teacher ended it: %v", err)
	}
	d.now = d.now.Add(time.Minute + 7*time.Nanosecond) // finer than the store keeps
	_, err = d.End(t.Context(), model.User{ID: "deputy-1", Duty: model.DutyDeputy}, first.ID)
	noError(t, err)
	two := d.body(t, "exemptions")
	if len(two.GetExemptions().GetExemptions()) != 0 || two.GetSerial() <= one.GetSerial() {
		t.Errorf("after its end devices are told %v", two)
	}
	for _, id := range []string{first.ID, "none"} {
		if _, err := d.End(t.Context(), dsl, id); err == nil || !strings.Contains(err.Error(), "none in force") {
			t.Errorf("ending %s: %v", id, err)
		}
	}
	live, err := d.Exemptions(t.Context(), d.now)
	if err != nil || len(live) != 0 {
		t.Errorf("in force: %+v, %v", live, err)
	}
	week, err := d.Exemptions(t.Context(), inLesson.Add(-time.Hour))
	if err != nil || len(week) != 1 || week[0].EndedBy != "deputy-1" {
		t.Errorf("of the week: %+v, %v", week, err)
	}
}

// An older database that is put back must not have devices refuse what comes next.
func TestOverlaySerialsGoByTheClock(t *testing.T) {
	d := newDesk(t)
	_, err := d.Grant(t.Context(), dsl, leave("12:00"))
	noError(t, err)
	_, err = d.Grant(t.Context(), dsl, leave("12:01")) // in the same millisecond
	noError(t, err)
	body := d.body(t, "exemptions")
	if body.GetSerial() != uint64(inLesson.UnixMilli())+1 || len(body.GetExemptions().GetExemptions()) != 2 {
		t.Errorf("serial %d, want one after %d", body.GetSerial(), inLesson.UnixMilli())
	}
}

func TestOverlaysAreSignedAnewByANewKeyAndBeforeTheyEnd(t *testing.T) {
	d := newDesk(t)
	_, err := d.SetTimetable(t.Context(), model.Asking{}, "bells.yaml", []byte(bells))
	noError(t, err)
	_, err = d.SetSite(t.Context(), model.Asking{}, model.Site{Name: "manor", Networks: []string{"10.20.0.0/16"}, Unfiltered: true})
	noError(t, err)
	_, err = d.Grant(t.Context(), dsl, leave("12:00"))
	noError(t, err)
	before := map[string]uint64{}
	for _, name := range []string{"exemptions", "timetable", "sites"} {
		before[name] = d.body(t, name).GetSerial()
	}
	if d.body(t, "exemptions").GetSerial() != before["exemptions"] {
		t.Error("made anew for no reason")
	}
	d.key, err = pki.NewPolicyKey()
	noError(t, err)
	d.now = d.now.Add(2 * time.Minute)
	for name, serial := range before {
		if now := d.body(t, name); now.GetSerial() <= serial {
			t.Errorf("%s is still signed by the key of before", name)
		}
	}
	if got := d.body(t, "exemptions").GetExemptions().GetExemptions(); len(got) != 1 {
		t.Errorf("after a new key leave is %v", got)
	}
	d.now = d.now.Add(300 * 24 * time.Hour)
	if got := d.body(t, "sites"); !got.GetExpires().AsTime().After(d.now.Add(factsRenew)) {
		t.Errorf("sites end at %s", got.GetExpires().AsTime())
	}
	if d.body(t, "exemptions") != nil {
		t.Error("devices are told of leave that ended long ago")
	}
	if err := d.RemoveSite(t.Context(), model.Asking{}, "manor"); err != nil || len(d.body(t, "sites").GetSites().GetSites()) != 0 {
		t.Errorf("removed: %v", err)
	}
	if err := d.RemoveSite(t.Context(), model.Asking{}, "manor"); err == nil || !strings.Contains(err.Error(), "site list") {
		t.Errorf("removed again: %v", err)
	}
}

func TestLastYearsTimetableIsRefused(t *testing.T) {
	d := newDesk(t)
	_, err := d.SetTimetable(t.Context(), model.Asking{}, "old.yaml", []byte(strings.ReplaceAll(bells, "2026", "2024")))
	if err == nil || !strings.Contains(err.Error(), "old.yaml") || !strings.Contains(err.Error(), "last year") {
		t.Errorf("imported: %v", err)
	}
	if table, err := d.Timetable(t.Context()); table != (*timetable.Timetable)(nil) || err != nil {
		t.Errorf("there is %v, %v", table, err)
	}
}

func TestWrongSiteSaysWhatToWrite(t *testing.T) {
	for want, s := range map[string]model.Site{
		"want a name":           {Name: " "},
		"plain text":            {Name: "a\x07b"},
		`network "home"`:        {Name: "a", Networks: []string{"home"}},
		"did you mean 10.0.0.0": {Name: "a", Networks: []string{"10.1.0.0/8"}},
		"at least 8 bits":       {Name: "a", Networks: []string{"0.0.0.0/0"}},
		"resolver name":         {Name: "a", Networks: []string{"10.0.0.0/8"}, Resolvers: []string{"local"}},
		"give networks too":     {Name: "a", Resolvers: []string{"school.example"}},
	} {
		if _, err := CheckSite(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", s, err, want)
		}
	}
	got, err := CheckSite(model.Site{Name: " The  Manor ", Networks: []string{"::ffff:10.0.0.9", "10.0.0.0/8", "10.0.0.0/8"}, Resolvers: []string{"School.Example."}})
	if err != nil || got.Name != "The Manor" || !slices.Equal(got.Networks, []string{"10.0.0.0/8", "10.0.0.9/32"}) || got.Resolvers[0] != "school.example" {
		t.Errorf("kept as %+v, %v", got, err)
	}
}

func TestOneSiteInTwoSpellingsIsRefused(t *testing.T) {
	d := newDesk(t)
	_, err := d.SetSite(t.Context(), model.Asking{}, model.Site{Name: "Manor", Networks: []string{"10.0.0.0/8"}})
	noError(t, err)
	if _, err := d.SetSite(t.Context(), model.Asking{}, model.Site{Name: "manor"}); err == nil || !strings.Contains(err.Error(), `as "Manor" already`) {
		t.Errorf("set again: %v", err)
	}
	_, err = d.SetSite(t.Context(), model.Asking{}, model.Site{Name: "Manor"})
	noError(t, err)
}

var _ DeskStore = (*store.Store)(nil)

var _ OverlayStore = (*store.Store)(nil)
