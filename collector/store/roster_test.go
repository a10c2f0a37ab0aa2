package store

import (
	"reflect"
	"slices"
	"testing"

	"safelight/collector/model"
	"safelight/internal/event"
)

func roster(t testing.TB, s *Store, people ...model.Person) model.RosterChange {
	t.Helper()
	for i := range people {
		people[i].Line = i + 2
		if people[i].Name == "" {
			people[i].Name = "Invented"
		}
		if people[i].Role == "" {
			people[i].Role = model.RolePupil
		}
	}
	plan, err := s.PlanRoster(t.Context(), school, people)
	must(t, err)
	change, err := s.ImportRoster(t.Context(), school, "roster.csv", people, noon)
	must(t, err)
	if !reflect.DeepEqual(plan, change) {
		t.Errorf("the dry run said %+v, the import did %+v", plan, change)
	}
	return change
}

func knownAs(t *testing.T, s *Store, account string) model.KnownAs {
	t.Helper()
	as, _, err := s.KnownAs(t.Context(), school, account)
	must(t, err)
	as.Subject = ""
	return as
}

func TestWhoLeftIsKeptAndNoLongerKnownToDevices(t *testing.T) {
	s := openStore(t)
	dsl := addUser(t, s, "dsl", model.DutyDSL, "")
	roster(t, s, model.Person{Account: "p1", Year: "9", KeyStage: "3", Groups: []string{"10b", "9q"}, Site: "manor"}, model.Person{Account: "p2"})
	want := model.KnownAs{Role: model.RolePupil, Year: "9", KeyStage: "3", Groups: []string{"10b", "9q"}, Site: "manor"}
	if got := knownAs(t, s, "P1"); !reflect.DeepEqual(got, want) {
		t.Errorf("known as %+v, want %+v", got, want)
	}
	add(t, s, eventOf("dev-1", 1, "p1", event.High))
	gatherAll(t, s, &jobs{})
	change := roster(t, s, model.Person{Account: "p2"}, model.Person{Account: "p3"})
	if change.Added != 1 || change.Left != 1 || change.Unchanged != 1 || change.Before != 2 {
		t.Errorf("change = %+v", change)
	}
	if got := knownAs(t, s, "p1"); got.Role != "" {
		t.Errorf("who left is known as %+v", got)
	}
	subject, found, err := s.SubjectByAccount(t.Context(), school, "p1")
	if must(t, err); !found || !subject.Left || subject.Role != model.RolePupil || subject.Name == "" {
		t.Errorf("kept as %+v", subject)
	}
	if alerts, events := seen(t, s, dsl); alerts != 1 || events != 1 {
		t.Errorf("the DSL sees %d alerts and %d events of who left, want 1 each", alerts, events)
	}
	// What comes late of a pupil who left is told of as ever.
	var j jobs
	add(t, s, eventOf("dev-1", 2, "p1", event.Urgent))
	gatherAll(t, s, &j)
	if len(j.ids) != 1 {
		t.Errorf("told %d times of who left, want once", len(j.ids))
	}
	if change := roster(t, s, model.Person{Account: "p1"}, model.Person{Account: "p2"}, model.Person{Account: "p3"}); change.Added != 1 || change.Unchanged != 2 {
		t.Errorf("coming back: %+v", change)
	}
	if count(t, s, "roster_people") != 3 || count(t, s, "roster_groups") != 0 || count(t, s, "rosters") != 1 {
		t.Error("rows of earlier rosters stayed")
	}
}

func TestPlanNamesTheColumnsThatDiffer(t *testing.T) {
	s := openStore(t)
	roster(t, s, model.Person{Account: "p1", Year: "9", Groups: []string{"b", "a"}, Reference: "r1"})
	change := roster(t, s, model.Person{Account: "P1", Year: "10", Groups: []string{"a", "c"}, Site: "manor", Reference: "r1"})
	want := []model.RosterDetail{{Line: 2, Role: model.RolePupil, Year: "10", What: "changed", Fields: []string{"year", "groups", "site"}}}
	if !reflect.DeepEqual(change.Details, want) {
		t.Errorf("details = %+v, want %+v", change.Details, want)
	}
	if change := roster(t, s, model.Person{Account: "p1", Year: "10", Groups: []string{"c", "a", "a"}, Site: "manor", Reference: "r1"}); change.Unchanged != 1 {
		t.Errorf("the same again in another order: %+v", change)
	}
}

// Windows says SCHOOL\p1, a cloud p1@school.example, Linux p1.
func TestAccountIsKnownHoweverADeviceWritesItsDomain(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "dsl", model.DutyDSL, "")
	add(t, s, eventOf("dev-1", 1, `SCHOOL\p1`, event.High)) // before any roster
	gatherAll(t, s, &jobs{})
	roster(t, s, model.Person{Account: "p1@school.example", Year: "9"}, model.Person{Account: "two@pupils"}, model.Person{Account: "two@staff", Role: model.RoleStaff})
	var j jobs
	gatherAll(t, s, &j)
	if len(j.ids) != 1 {
		t.Errorf("told %d times of what was held, want once", len(j.ids))
	}
	for _, account := range []string{"p1", `SCHOOL\P1`, "p1@school.example"} {
		if got := knownAs(t, s, account); got.Year != "9" {
			t.Errorf("%s is known as %+v", account, got)
		}
		add(t, s, eventOf("dev-1", 2+len(account), account, event.High))
	}
	gatherAll(t, s, &jobs{})
	if all := alerts(t, s); len(all) != 1 || all[0].Events != 4 {
		t.Errorf("alerts = %+v, want one of 4 events", all)
	}
	if got := knownAs(t, s, "two"); got.Role != "" {
		t.Errorf("one of two is known as %+v", got)
	}
	if got := knownAs(t, s, "two@staff"); got.Role != model.RoleStaff {
		t.Errorf("two@staff is known as %+v", got)
	}
	if change := roster(t, s, model.Person{Account: "p1@school.example", Year: "9"}, model.Person{Account: "two@pupils"}, model.Person{Account: "two@staff", Role: model.RoleStaff}); change.Unchanged != 3 {
		t.Errorf("the same again: %+v", change)
	}
}

func TestG03ConnectedPeopleAreNeverToldOfEachOther(t *testing.T) {
	s := openStore(t)
	dsl := addUser(t, s, "dsl", model.DutyDSL, `SCHOOL\parent`)
	deputy := addUser(t, s, "deputy", model.DutyDeputy, "other")
	people := []model.Person{
		{Account: "child", Also: []string{"child.home"}, Connections: []string{"parent@school.example"}},
		{Account: "pupil"},
		{Account: "parent", Role: model.RoleStaff},
	}
	roster(t, s, people...)
	var j jobs
	add(t, s, eventOf("dev-1", 1, "child", event.Urgent), eventOf("dev-1", 2, "CHILD.HOME", event.Urgent), eventOf("dev-1", 3, "pupil", event.Urgent))
	gatherAll(t, s, &j)
	look := func(when string) {
		t.Helper()
		if alerts, events := seen(t, s, dsl); alerts != 1 || events != 1 {
			t.Errorf("%s: the parent sees %d alerts and %d events, want those of the other pupil", when, alerts, events)
		}
		if alerts, _ := seen(t, s, deputy); alerts != 3 {
			t.Errorf("%s: the deputy sees %d alerts, want 3", when, alerts)
		}
	}
	look("at first")
	if len(j.ids) != 4 {
		t.Errorf("told %d times, want the deputy of three alerts and the DSL of one", len(j.ids))
	}
	roster(t, s, people[1:]...) // the child leaves, and the connection with them
	look("after the child left")
	j = jobs{}
	add(t, s, eventOf("dev-1", 4, "child", event.Urgent))
	gatherAll(t, s, &j)
	look("after one more")
	roster(t, s, people...)
	look("after the child came back")
	roster(t, s, model.Person{Account: "child", Also: []string{"child.home"}}, model.Person{Account: "pupil"}, model.Person{Account: "parent", Role: model.RoleStaff})
	look("after a roster without a column of connections")
	roster(t, s, people...)
	if n := count(t, s, "connections"); n != 2*2+2 {
		t.Errorf("%d rows of connections, want each pair both ways once", n)
	}
}

func TestGroupIsCountedByPeople(t *testing.T) {
	s := openStore(t)
	roster(t, s, model.Person{Account: "a", Also: []string{"a.home"}, Groups: []string{"one", "two"}}, model.Person{Account: "b", Groups: []string{"two"}},
		model.Person{Account: "teacher", Role: model.RoleStaff, Groups: []string{"one", "two"}})
	for group, want := range map[string]int{"one": 1, "two": 2, "none": 0} {
		if n, err := s.GroupSize(t.Context(), school, group); err != nil || n != want {
			t.Errorf("%s: %d, %v; want %d", group, n, err, want)
		}
	}
}

func TestG13WhoLeftGoesWhenNothingIsAboutThem(t *testing.T) {
	sqliteOnly(t)
	s := openStore(t)
	roster(t, s, model.Person{Account: "gone"}, model.Person{Account: "child", Connections: []string{"parent"}}, model.Person{Account: "parent", Role: model.RoleStaff}, model.Person{Account: "stays"})
	roster(t, s, model.Person{Account: "stays"}, model.Person{Account: "child", Connections: []string{"parent"}})
	_, err := s.RemoveTrialData(t.Context(), school, noon, noon, false)
	must(t, err)
	var left []string
	for _, account := range []string{"gone", "parent", "child", "stays"} {
		if _, found, err := s.SubjectByAccount(t.Context(), school, account); err == nil && found {
			left = append(left, account)
		}
	}
	if !slices.Equal(left, []string{"parent", "child", "stays"}) {
		t.Errorf("left are %q: want all but who has gone, and whom a child is connected with", left)
	}
}
