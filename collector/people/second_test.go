package people

import (
	"context"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
)

// office is a desk whose rules go by premises and lessons, and three people.
func office(t *testing.T) (d *desk, it, other, dsl model.Asking) {
	t.Helper()
	d = newDesk(t)
	d.GoBy = func(context.Context) (model.RulesGoBy, error) {
		return model.RulesGoBy{Premises: true, Hours: []string{"lesson"}}, nil
	}
	d.OnePerson = func(_ context.Context, a, b model.User) (bool, error) { return a.ID == b.ID, nil }
	add := func(id string, duty model.Duty) model.Asking {
		u := model.User{School: school, ID: id, Name: "Demo " + id, Email: id + "@school.example", Duty: duty, Created: d.now}
		noError(t, d.store.AddUser(t.Context(), u))
		return model.Asking{User: u, Reason: "a new building"}
	}
	return d, add("it", model.DutyIT), add("other", model.DutyIT), add("dsl", model.DutyDSL)
}

func refused(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("it was done")
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%q does not say %q", err, p)
		}
	}
}

func TestG07OtherPremisesTakeTwoPeopleWhereRulesGoByThem(t *testing.T) {
	d, it, other, dsl := office(t)
	set := func(by model.Asking, network string) error {
		_, err := d.SetSite(t.Context(), by, model.Site{Name: "manor", Networks: []string{network}})
		return err
	}
	refused(t, set(model.Asking{}, "10.20.0.0/16"), "takes two people (G7)", "--as WHO")
	teacher := it
	teacher.User.Duty = "teacher"
	refused(t, set(teacher, "10.20.0.0/16"), `duty "teacher"`)
	refused(t, set(it, "10.20.0.0/16"), "not done yet", "premises", "a DSL or a deputy")
	refused(t, set(it, "10.20.0.0/16"), "Demo it asked for it", "somebody else")
	refused(t, set(other, "10.20.0.0/16"), "one of the two has to be a DSL or a deputy")
	refused(t, set(dsl, "192.168.0.0/16"), "not done yet") // something else, asked for anew
	refused(t, set(it, "10.20.0.0/16"), "not done yet")
	if sites, err := d.Sites(t.Context()); err != nil || len(sites) != 0 {
		t.Fatalf("it was set: %v, %v", sites, err)
	}
	noError(t, set(dsl, "10.20.0.0/16"))
	// What was agreed to once is not agreed to for ever, and what changes nothing goes alone.
	refused(t, set(dsl, "192.168.0.0/16"), "not done yet")
	d.now = d.now.Add(agreeWithin + time.Second)
	refused(t, set(it, "192.168.0.0/16"), "not done yet")
	noError(t, set(model.Asking{}, "10.20.0.0/16"))
	if _, err := d.SetSite(t.Context(), model.Asking{}, model.Site{Name: "manor", Networks: []string{"10.20.0.0/16"}, Unfiltered: true}); err != nil {
		t.Errorf("that a site has no filter: %v", err)
	}
	refused(t, d.RemoveSite(t.Context(), model.Asking{}, "manor"), "takes two people")
	refused(t, d.RemoveSite(t.Context(), dsl, "manor"), "not done yet")
	noError(t, d.RemoveSite(t.Context(), it, "manor"))
}

func TestG07OtherBellsTakeTwoPeopleWhereRulesGoByThem(t *testing.T) {
	d, it, _, dsl := office(t)
	set := func(by model.Asking, text string) error {
		_, err := d.SetTimetable(t.Context(), by, "bells.yaml", []byte(text))
		return err
	}
	refused(t, set(it, bells), `"lesson"`, "not done yet")
	noError(t, set(dsl, bells))
	// Terms, names and breaks come and go; one more lesson does not.
	noError(t, set(model.Asking{}, strings.Replace(bells, "2026-12-18", "2026-12-11", 1)))
	noError(t, set(model.Asking{}, strings.Replace(bells, "Period 1", "First", 1)))
	noError(t, set(model.Asking{}, strings.Replace(bells, "terms:", "  - {name: Lunch, kind: break, from: '12:00', to: '13:00'}\nterms:", 1)))
	evening := strings.Replace(bells, "terms:", "  - {name: Evening, kind: lesson, from: '18:00', to: '22:00'}\nterms:", 1)
	refused(t, set(model.Asking{}, evening), `go by "lesson"`, "takes two people (G7)")
	refused(t, set(dsl, evening), "not done yet")
	noError(t, set(it, evening))
}

func TestHoursAndPlacesThatNoRuleGoesByTakeOnePerson(t *testing.T) {
	d, _, _, _ := office(t)
	d.GoBy = func(context.Context) (model.RulesGoBy, error) { return model.RulesGoBy{}, nil }
	_, err := d.SetTimetable(t.Context(), model.Asking{}, "bells.yaml", []byte(bells))
	noError(t, err)
	_, err = d.SetSite(t.Context(), model.Asking{}, model.Site{Name: "manor", Networks: []string{"10.20.0.0/16"}})
	noError(t, err)
}

// Whoever asked and was shown the door has agreed to nothing.
func TestG07WhoHasNoAccessAnyMoreIsNoSecondPerson(t *testing.T) {
	d, it, other, dsl := office(t)
	site := model.Site{Name: "manor", Networks: []string{"10.20.0.0/16"}}
	_, err := d.SetSite(t.Context(), dsl, site)
	refused(t, err, "not done yet")
	noError(t, d.store.DisableUser(t.Context(), school, dsl.User.ID))
	_, err = d.SetSite(t.Context(), it, site)
	refused(t, err, "not done yet")
	_, err = d.SetSite(t.Context(), other, site)
	refused(t, err, "has to be a DSL or a deputy")
}
