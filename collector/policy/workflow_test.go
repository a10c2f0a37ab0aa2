package policy_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/collector/policy"
	"safelight/collector/store"
	"safelight/internal/pki"
)

// school is a workflow over the real store, and people of each duty.
type office struct {
	*policy.Workflow
	t                     testing.TB
	store                 *store.Store
	it, dsl, dsl2, deputy model.User
}

func newOffice(t testing.TB, trial bool) *office {
	t.Helper()
	return officeOf(t, trial, shipped(t))
}

// officeOf is an office of a program that ships these packs.
func officeOf(t testing.TB, trial bool, ships map[string][]byte) *office {
	t.Helper()
	s, err := store.Open(t.Context(), t.TempDir()+"/safelight.db")
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.EnsureSchool(t.Context(), model.School{ID: school, Name: "Hill Lane", Trial: trial, Created: noon}))
	key, err := pki.NewPolicyKey()
	must(t, err)
	p, err := policy.NewPublisher(t.Context(), school, key, ships, s, func() time.Time { return noon })
	must(t, err)
	o := &office{Workflow: policy.NewWorkflow(p, ships, s), t: t, store: s}
	o.it, o.dsl = o.user("it", model.DutyIT, ""), o.user("dsl", model.DutyDSL, "")
	o.dsl2, o.deputy = o.user("dsl2", model.DutyDSL, ""), o.user("deputy", model.DutyDeputy, "")
	return o
}

func (o *office) user(id string, duty model.Duty, account string) model.User {
	o.t.Helper()
	u := model.User{School: school, ID: id, Name: "Invented " + id, Email: id + "@school.example", Duty: duty, Account: account, Created: noon}
	must(o.t, o.store.AddUser(o.t.Context(), u))
	return u
}

func (o *office) propose(files map[string][]byte, by model.User, necessity string) model.Proposal {
	o.t.Helper()
	p, _, err := o.Propose(o.t.Context(), policy.Side{Name: "folder", Files: files}, by, "because", necessity)
	must(o.t, err)
	return p
}

// begin brings rules into force in two steps, by two people.
func (o *office) begin(files map[string][]byte) {
	o.t.Helper()
	p := o.propose(files, o.it, "needed")
	_, _, err := o.PublishProposal(o.t.Context(), p.ID, o.dsl, "agreed")
	must(o.t, err)
}

func (o *office) publish(files map[string][]byte, by model.User) error {
	_, _, err := o.Publish(o.t.Context(), policy.Side{Name: "folder", Files: files}, by, "because")
	return err
}

func (o *office) inForce(want uint64) {
	o.t.Helper()
	if _, serial := o.InForce(); serial != want {
		o.t.Errorf("serial %d is in force, want %d", serial, want)
	}
}

func TestG07ALoweringTakesTwoPeople(t *testing.T) {
	o := newOffice(t, true)
	o.begin(both(t))
	lower := swapped(t, "mine/grave.yaml", "severity: urgent", "severity: high")
	err := o.publish(lower, o.dsl)
	wantError(t, err, "takes two people", "lowers Grave from urgent to high", "rules propose folder")
	if strings.Contains(err.Error(), "necessity") {
		t.Errorf("a lowering asks for a necessity note: %v", err)
	}
	p := o.propose(lower, o.dsl, "")
	_, _, err = o.PublishProposal(t.Context(), p.ID, o.dsl, "agreed")
	wantError(t, err, "Invented dsl proposed it", "somebody else")
	o.inForce(1)
	_, review, err := o.PublishProposal(t.Context(), p.ID, o.dsl2, "agreed")
	must(t, err)
	if !review.Lowering || review.From != "1.1" || review.To != p.ID {
		t.Errorf("the review is %+v", review)
	}
	o.inForce(2)
	_, _, err = o.PublishProposal(t.Context(), p.ID, o.dsl2, "again")
	wantError(t, err, "was published on 20 November 2026 already")
}

func TestG07AWideningAsksForItsNecessity(t *testing.T) {
	o := newOffice(t, true)
	o.begin(both(t))
	wide := swapped(t, "mine/grave.yaml", "adult-learner: alert", "adult-learner: alert, staff: alert")
	wantError(t, o.publish(wide, o.dsl), "takes two people", "looks at staff for Grave", "--necessity")
	_, _, err := o.Propose(t.Context(), policy.Side{Name: "folder", Files: wide}, o.it, "because", " ")
	wantError(t, err, "looks at staff for Grave", "--necessity", "G7")
	p := o.propose(wide, o.it, "Staff asked for it")
	if p.Necessity != "Staff asked for it" || p.BaseSerial != 1 {
		t.Errorf("kept %+v", p)
	}
	_, _, err = o.PublishProposal(t.Context(), p.ID, o.dsl, "agreed")
	must(t, err)
	o.inForce(2)
}

func TestG07OnePersonWithTwoAccountsIsOnePerson(t *testing.T) {
	o := newOffice(t, true)
	o.begin(both(t))
	lower := swapped(t, "mine/grave.yaml", "severity: urgent", "severity: high")
	for name, pair := range map[string][2]model.User{
		"the same school account": {o.user("a1", model.DutyIT, `HILL\Twin`), o.user("a2", model.DutyDSL, "twin@hill.example")},
		"the same mailbox": {
			{ID: "b1", Name: "One", Email: "twin@school.example", Duty: model.DutyIT}, {ID: "b2", Name: "Two", Email: "Twin+dsl@school.example", Duty: model.DutyDSL},
		},
		"the same name": {
			{ID: "c1", Name: "Invented  Twin", Email: "c1@school.example", Duty: model.DutyIT}, {ID: "c2", Name: "invented twin", Email: "c2@school.example", Duty: model.DutyDSL},
		},
	} {
		if name != "the same school account" {
			for i := range pair {
				pair[i].School, pair[i].Created = school, noon
				must(t, o.store.AddUser(t.Context(), pair[i]))
			}
		}
		p := o.propose(lower, pair[0], "")
		_, _, err := o.PublishProposal(t.Context(), p.ID, pair[1], "agreed")
		wantError(t, err, "somebody else")
	}
	o.inForce(1)
}

func TestOnlyADSLPublishesAndITProposes(t *testing.T) {
	o := newOffice(t, true)
	for _, u := range []model.User{o.it, o.deputy, o.user("head", model.DutyHead, "")} {
		wantError(t, o.publish(shipped(t), u), "dsl publishes them")
	}
	_, _, err := o.Propose(t.Context(), policy.Side{Files: both(t)}, model.User{ID: "head", Duty: model.DutyHead}, "because", "needed")
	wantError(t, err, "duties [it dsl deputy]")
	p := o.propose(both(t), o.it, "needed")
	_, _, err = o.PublishProposal(t.Context(), p.ID, o.it, "agreed")
	wantError(t, err, "dsl publishes them")
	wantError(t, o.Withdraw(t.Context(), p.ID, o.deputy, "no"), "whoever proposed it")
	must(t, o.Withdraw(t.Context(), p.ID, o.it, "a slip"))
	_, _, err = o.PublishProposal(t.Context(), p.ID, o.dsl, "agreed")
	wantError(t, err, "was withdrawn")
	o.inForce(0)
}

func TestG12ATrialSchoolPublishesTheShippedPacksAlone(t *testing.T) {
	ships := reallyShipped(t)
	o := officeOf(t, true, ships)
	other := maps.Clone(ships)
	maps.DeleteFunc(other, func(name string, _ []byte) bool { return strings.HasPrefix(name, "starter/") })
	other["mine/pack.yaml"], other["mine/grave.yaml"] = both(t)["mine/pack.yaml"], []byte(graveFile)
	wantError(t, o.publish(other, o.dsl), "takes two people", "drops the category")
	must(t, o.publish(ships, o.dsl))
	must(t, o.publish(ships, o.dsl)) // once more, as it is
	o.inForce(2)
}

func TestG07TheFirstRulesOfARealSchoolTakeTwoPeople(t *testing.T) {
	o := newOffice(t, false)
	wantError(t, o.publish(shipped(t), o.dsl), "takes two people", "adds the category", "--necessity")
	o.begin(shipped(t))
	o.inForce(1)
	// Wording needs nobody else.
	files := shipped(t)
	files["shipped/betting.yaml"] = []byte(strings.Replace(string(files["shipped/betting.yaml"]), "why: ", "why: Truly. ", 1))
	must(t, o.publish(files, o.dsl))
	o.inForce(2)
}

func TestAProposalIsNotPublishedOverRulesItNeverSaw(t *testing.T) {
	o := newOffice(t, true)
	o.begin(both(t))
	p := o.propose(swapped(t, "mine/grave.yaml", "severity: urgent", "severity: high"), o.it, "")
	must(t, o.publish(swapped(t, "mine/grave.yaml", "Made up for tests.", "Made up."), o.dsl))
	_, _, err := o.PublishProposal(t.Context(), p.ID, o.dsl, "agreed")
	wantError(t, err, "have changed since it was proposed", "rules show 1.2 --into")
	// The same rules again, as after a change of keys, are no change.
	must(t, o.publish(both(t), o.dsl))
	_, _, err = o.PublishProposal(t.Context(), p.ID, o.dsl, "agreed")
	must(t, err)
	o.inForce(4)
}

func TestRollbackPublishesOldRulesUnderANewSerial(t *testing.T) {
	o := newOffice(t, true)
	o.begin(both(t))
	more := swapped(t, "mine/grave.yaml", "allow: [gravel words]", "allow: [gravel words, grave words of songs]")
	p := o.propose(more, o.it, "")
	_, _, err := o.PublishProposal(t.Context(), p.ID, o.dsl, "tried")
	must(t, err)
	v, review, err := o.Rollback(t.Context(), policy.Version{Epoch: 1, Serial: 1}, o.dsl, "it hid too much")
	must(t, err)
	if v.Serial != 3 || review.Changes[0].Text != "drops 1 allow phrase of Grave" {
		t.Errorf("serial %d, review %+v", v.Serial, review)
	}
	files, err := o.SourcesOf(t.Context(), policy.Version{Epoch: 1, Serial: 3})
	must(t, err)
	if !maps.EqualFunc(files, both(t), func(a, b []byte) bool { return string(a) == string(b) }) {
		t.Error("what is in force is not what was")
	}
	_, _, err = o.Rollback(t.Context(), policy.Version{Epoch: 1, Serial: 2}, o.dsl, "once more")
	wantError(t, err, "takes two people", "rules propose 1.2")
	_, _, err = o.Rollback(t.Context(), policy.Version{Epoch: 1, Serial: 9}, o.dsl, "x")
	wantError(t, err, "no rules 1.9", "rules history")
}

func TestRulesAreFoundByWhatPeopleCallThem(t *testing.T) {
	o := newOffice(t, true)
	_, err := o.Find(t.Context(), "in-force")
	wantError(t, err, "no rules are in force yet")
	o.begin(both(t))
	p := o.propose(pack(t, "flagged.test"), o.it, "")
	for name, want := range map[string]string{"1": "1.1", "1.1": "1.1", "in-force": "1.1", p.ID: p.ID} {
		side, err := o.Find(t.Context(), name)
		if must(t, err); side.Name != want || len(side.Files) == 0 {
			t.Errorf("%s is %s with %d files", name, side.Name, len(side.Files))
		}
	}
	for name, says := range map[string]string{"9": "no rules 1.9", "0": "neither a folder", "P-NONE": "no such proposal", "packs/mine": "neither a folder", "1.2.3": "neither a folder"} {
		_, err := o.Find(t.Context(), name)
		wantError(t, err, says)
	}
	before, err := o.Before(t.Context(), policy.Version{Epoch: 1, Serial: 1})
	if must(t, err); before.Files != nil {
		t.Errorf("before the first: %s", before.Name)
	}
}

func TestWhatWouldChangeNothingIsNotProposed(t *testing.T) {
	o := newOffice(t, true)
	o.begin(both(t))
	_, _, err := o.Propose(t.Context(), policy.Side{Files: both(t)}, o.it, "because", "")
	wantError(t, err, "the rules in force (1.1)", "nothing would change")
	_, _, err = o.Propose(t.Context(), policy.Side{Files: both(t)}, o.it, "", "")
	wantError(t, err, "--reason")
	_, _, err = o.Propose(t.Context(), policy.Side{Files: swapped(t, "mine/grave.yaml", "hit: [grave words]", "hit: [quiet words]")}, o.it, "because", "")
	wantError(t, err, "rules check", "quiet words")
	bare := both(t)
	for name := range bare {
		if strings.HasPrefix(name, "protected/") {
			delete(bare, name)
		}
	}
	_, _, err = o.Propose(t.Context(), policy.Side{Files: bare}, o.it, "because", "")
	wantError(t, err, "protected pack")
}

func TestTrialsGatherAsTheGathererDoes(t *testing.T) {
	if policy.TrialWindow != store.Window {
		t.Errorf("a trial gathers over %s and the gatherer over %s", policy.TrialWindow, store.Window)
	}
}

func TestG07NoRuleIsForAGroupOfOne(t *testing.T) {
	o := newOffice(t, true)
	roster := func(alone ...string) {
		people := []model.Person{
			{Account: "p1", Name: "A", Role: model.RolePupil, Groups: []string{"10b"}},
			{Account: "p2", Name: "B", Role: model.RolePupil, Groups: append(alone, "10b")},
			{Account: "t1", Name: "C", Role: model.RoleStaff, Groups: []string{"violin club", "10b"}},
		}
		_, err := o.store.ImportRoster(t.Context(), school, "roster.csv", people, noon)
		must(t, err)
	}
	roster()
	scoped := func(group string) policy.Side {
		files := both(t)
		files["mine/more.yaml"] = fmt.Appendf(nil, "extends: grave\nowner: DSL\nwhy: More.\nscope: {groups: [%q]}\nphrases: [{id: m-1, text: scoped words}]\ntests: {hit: [scoped words], miss: [an ordinary line]}\n", group)
		return policy.Side{Name: "folder", Files: files}
	}
	open := o.propose(scoped("Violin  Club").Files, o.it, "needed") // of which the roster knows nothing yet
	roster("violin club")
	for what, do := range map[string]func() error{
		"proposed": func() error {
			_, _, err := o.Propose(t.Context(), scoped("Violin Club"), o.it, "why", "needed")
			return err
		},
		"published":             func() error { _, _, err := o.Publish(t.Context(), scoped("violin club"), o.dsl, "why"); return err },
		"published from before": func() error { _, _, err := o.PublishProposal(t.Context(), open.ID, o.dsl, "why"); return err },
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), "one named person") {
			t.Errorf("%s: %v", what, err)
		}
	}
	o.begin(scoped("10b").Files)
	if _, err := o.Try(t.Context(), scoped("violin club"), o.dsl, noon.AddDate(0, 0, -7)); err == nil || !strings.Contains(err.Error(), "one named person") {
		t.Errorf("tried: %v", err)
	}
}

// Somebody with a teacher's and an office account signs in with either.
func TestG07TwoAccountsOfOnePersonOnTheRosterAreOnePerson(t *testing.T) {
	for name, c := range map[string]struct {
		people []model.Person
		one    bool
	}{
		"two accounts": {[]model.Person{{Account: "t.one", Also: []string{"office.one"}, Name: "Invented Person", Reference: "77", Role: model.RoleStaff}}, true},
		"two people": {[]model.Person{
			{Account: "t.one", Name: "Invented Person", Reference: "77", Role: model.RoleStaff},
			{Account: "office.one", Name: "Invented Other", Reference: "78", Role: model.RoleStaff},
		}, false},
	} {
		o := newOffice(t, true)
		a, b := o.user("first", model.DutyDSL, "t.one"), o.user("second", model.DutyDSL, "office.one")
		_, err := o.store.ImportRoster(t.Context(), school, "roster.csv", c.people, noon)
		must(t, err)
		o.begin(both(t))
		p := o.propose(swapped(t, "mine/grave.yaml", "severity: urgent", "severity: high"), a, "")
		_, _, err = o.PublishProposal(t.Context(), p.ID, b, "agreed")
		if refused := err != nil && strings.Contains(err.Error(), "somebody else"); refused != c.one {
			t.Errorf("%s: %v", name, err)
		}
	}
}
