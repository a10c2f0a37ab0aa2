package policy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/collector/policy"
	"safelight/internal/event"
)

// memory is a trial's store in memory: events as given, read in chunks.
type memory struct {
	policy.WorkflowStore
	events []model.TrialEvent
	pupils int
	may    bool
	groups []string
	upheld map[model.EventKey]bool

	chunks []int
	kept   []model.Trial
}

func (m *memory) TrialEvents(_ context.Context, _ model.SchoolID, _ model.User, since, until time.Time, from model.TrialCursor, limit int) ([]model.TrialEvent, model.TrialCursor, error) {
	var out []model.TrialEvent
	for _, e := range m.events {
		if e.Received.Before(since) || !e.Received.Before(until) || e.Place.Seq <= from.Seq && from.Seq > 0 {
			continue
		}
		if out = append(out, e); len(out) == limit {
			break
		}
	}
	m.chunks = append(m.chunks, len(out))
	if len(out) > 0 {
		from.Seq = out[len(out)-1].Place.Seq
	}
	return out, from, nil
}

func (m *memory) UpheldEvents(context.Context, model.SchoolID, model.User, time.Time) (map[model.EventKey]bool, error) {
	return m.upheld, nil
}
func (m *memory) KnownPupils(context.Context, model.SchoolID) (int, error) { return m.pupils, nil }
func (m *memory) GroupsOf(context.Context, model.SchoolID, string) ([]string, error) {
	return m.groups, nil
}
func (m *memory) GroupSize(context.Context, model.SchoolID, string) (int, error) { return 20, nil }
func (m *memory) MayRead(model.SchoolID, model.User) bool                        { return m.may }
func (m *memory) TrialAnswers(_ context.Context, _ model.SchoolID, since time.Time) (all [][]byte, err error) {
	for _, t := range m.kept {
		if !t.At.Before(since) && t.Answers != nil {
			all = append(all, t.Answers)
		}
	}
	return all, nil
}

func (m *memory) AddTrial(_ context.Context, t model.Trial) error {
	m.kept = append(m.kept, t)
	return nil
}

// flagged is event n, about one of many pupils, an hour after the one before.
func flagged(n int, kind event.Kind, name, category string, severity event.Severity) model.TrialEvent {
	at := noon.Add(-20 * 24 * time.Hour).Add(time.Duration(n) * time.Hour)
	e := model.TrialEvent{Role: model.RolePupil, Year: fmt.Sprint(7 + n%2)}
	e.Device, e.Place.Seq, e.Observed, e.Received = "dev", uint64(n+1), at, at
	e.Kind, e.Name, e.Category, e.Severity, e.Subject = kind, name, category, severity, fmt.Sprint("s", n%60)
	e.ID[0] = byte(n)
	return e
}

// tried is an office whose trials read events from memory.
func tried(t *testing.T, m *memory) *policy.Workflow {
	t.Helper()
	o := newOffice(t, true)
	o.begin(both(t))
	m.WorkflowStore = o.store
	return policy.NewWorkflow(o.Publisher, shipped(t), m)
}

func try(t *testing.T, w *policy.Workflow, files map[string][]byte, by model.User) model.TrialResult {
	t.Helper()
	r, err := w.Try(t.Context(), policy.Side{Name: "folder", Files: files}, by, noon.Add(-30*24*time.Hour))
	must(t, err)
	return r
}

func numbers(r model.TrialRow) string {
	text := func(n *int64) string {
		if n == nil {
			return "-"
		}
		return fmt.Sprint(*n)
	}
	return strings.Join([]string{text(r.Then), text(r.Today), text(r.Proposed), text(r.New), text(r.Gone)}, " ")
}

func TestATrialComparesThenTodayAndWhatIsTried(t *testing.T) {
	m := &memory{pupils: 60, may: true, upheld: map[model.EventKey]bool{}}
	for n := range 40 { // flagged then, and by both
		m.events = append(m.events, flagged(n, event.Domain, "grave.test", "grave", event.Urgent))
	}
	for n := 40; n < 60; n++ { // flagged by today's rules, allowed by the new ones
		m.events = append(m.events, flagged(n, event.Search, "grave words of songs", "grave", event.Urgent))
	}
	for n := 60; n < 75; n++ { // flagged by nothing any more
		m.events = append(m.events, flagged(n, event.Domain, "gone.test", "test", event.Medium))
	}
	m.upheld[model.EventKey{Device: "dev", ID: m.events[45].ID}] = true
	w := tried(t, m)
	r := try(t, w, swapped(t, "mine/grave.yaml", "allow: [gravel words]", "allow: [gravel words, grave words of songs]"), model.User{ID: "dsl"})
	if got := numbers(r.Total); got != "75 60 40 - 20" {
		t.Errorf("total %s", got)
	}
	if len(r.ByCategory) != 2 || r.ByCategory[0].Name != "test" || numbers(r.ByCategory[0]) != "15 - - - -" || numbers(r.ByCategory[1]) != "60 60 40 - 20" || r.ByCategory[1].Title != "Grave" {
		t.Errorf("by category %+v", r.ByCategory)
	}
	if r.Change != "fewer" || *r.Judged != 75 || *r.PerDay.Proposed != 1.3 || *r.PerDay.Then != 2.5 || r.Today != "1.1" || r.Rules != "folder" {
		t.Errorf("the result is %+v", r)
	}
	if len(r.Examples) != 10 || r.Examples[0].Change != "gone" || r.Examples[0].Proposed != nil || r.Examples[0].Today.Rule != "grave/g-1" {
		t.Errorf("%d examples, the first %+v", len(r.Examples), r.Examples)
	}
	if !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "upheld as a concern") }) {
		t.Errorf("that a concern would be missed is not said: %q", r.Notes)
	}
	var kept model.TrialResult
	must(t, json.Unmarshal(m.kept[0].Result, &kept))
	if kept.Examples != nil || numbers(kept.Total) != numbers(r.Total) || m.kept[0].By != "dsl" || strings.Contains(string(m.kept[0].Result), "songs") || strings.Contains(string(m.kept[0].Result), "upheld") {
		t.Errorf("kept %s", m.kept[0].Result)
	}
}

func TestG02ATrialSaysThatSearchesAreNotSeen(t *testing.T) {
	m := &memory{pupils: 60}
	m.events = append(m.events, flagged(0, event.Domain, "grave.test", "grave", event.Urgent))
	w := tried(t, m)
	says := func(want bool) {
		t.Helper()
		r := try(t, w, both(t), model.User{})
		if got := slices.Contains(r.Notes, "Sites and programs only; searches are not seen."); got != want {
			t.Errorf("said %t, want %t: %q", got, want, r.Notes)
		}
		if !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "Only what was flagged") }) {
			t.Errorf("that a wider rule shows less is not said: %q", r.Notes)
		}
	}
	says(true)
	m.events = append(m.events, flagged(1, event.Search, "grave words", "grave", event.Urgent))
	says(false)
}

// What is gone from the rules that are tried is as much a reason why numbers differ.
func TestG02ATrialSaysWhatTheRulesOfTodayAskForAndNoEventTells(t *testing.T) {
	files := both(t)
	files["mine/more.yaml"] = []byte("extends: grave\nowner: DSL\nwhy: More.\ndomains: [more.test]\nprograms: [{name: tunnel.exe, signer: Invented Ltd}]\ntests: {hit: [{domain: more.test}], miss: [an ordinary line]}\n")
	o := newOffice(t, true)
	o.begin(files)
	m := &memory{pupils: 60, WorkflowStore: o.store}
	r := try(t, policy.NewWorkflow(o.Publisher, shipped(t), m), both(t), model.User{})
	if !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "Signers, hashes") }) {
		t.Errorf("it is not said in %q", r.Notes)
	}
}

func TestG17ATrialOfASmallSchoolGivesNoNumbers(t *testing.T) {
	m := &memory{pupils: 49}
	for n := range 60 {
		m.events = append(m.events, flagged(n, event.Domain, "grave.test", "grave", event.Urgent))
	}
	r := try(t, tried(t, m), both(t), model.User{})
	if numbers(r.Total) != "- - - - -" || r.Judged != nil || len(r.ByCategory)+len(r.ByYear)+len(r.BySeverity) != 0 || r.PerDay.Today != nil || r.Change != "none" {
		t.Errorf("the result is %+v", r)
	}
}

func TestG17ATrialShowsNoSmallNumbersAndNoExamplesToIT(t *testing.T) {
	m := &memory{pupils: 60}
	for n := range 40 {
		name := "grave.test"
		if n < 3 {
			name = "other.test"
		}
		m.events = append(m.events, flagged(n, event.Domain, name, "grave", event.Urgent))
	}
	r := try(t, tried(t, m), swapped(t, "mine/test.yaml", "[flagged.test]", "[flagged.test, other.test]"), model.User{})
	if got := numbers(r.Total); got != "35 35 35 - -" {
		t.Errorf("total %s: 40 then, or tried, would give the three away", got)
	}
	if r.Examples != nil || r.Change != "withheld" {
		t.Errorf("examples %+v, change %s", r.Examples, r.Change)
	}
}

// Of what is flagged today, what is tried, what is new and what is gone, each
// number follows from the other three.
func TestG17OneColumnOfATrialDoesNotGiveAnotherAway(t *testing.T) {
	m := &memory{pupils: 60}
	for n := range 68 {
		name := "grave.test"
		switch {
		case n < 3: // today's alone
			name = "softer.test"
		case n < 18: // new
			name = "other.test"
		case n < 38: // neither's
			name = "nothing.test"
		}
		m.events = append(m.events, flagged(n, event.Domain, name, "grave", event.Urgent))
	}
	files := swapped(t, "mine/test.yaml", "[flagged.test]", "[flagged.test, other.test]")
	files["mine/grave.yaml"] = []byte(strings.Replace(graveFile, "{name: softer.test, severity: high}", "soft.test", 1))
	r := try(t, tried(t, m), files, model.User{})
	if got := numbers(r.Total); got != "70 30 45 15 -" {
		t.Errorf("total %s: 35 today, and 45 with 15 new, say that some are gone", got)
	}
}

func TestATrialReadsInChunksAndGathersLikeTheGatherer(t *testing.T) {
	m := &memory{pupils: 60}
	for n := range 1200 { // every ten minutes, of one pupil each: a new alert each time the window is left
		e := flagged(n, event.Domain, "grave.test", "grave", event.Urgent)
		e.Subject, e.Year = fmt.Sprint("s", n/60), "9"
		e.Received = noon.Add(-20 * 24 * time.Hour).Add(time.Duration(n) * 10 * time.Minute).Add(time.Duration(n/60) * time.Hour)
		e.Observed = e.Received
		m.events = append(m.events, e)
	}
	r := try(t, tried(t, m), both(t), model.User{})
	if got := numbers(r.Total); got != "20 20 20 - -" {
		t.Errorf("total %s: 1200 events in 20 runs are 20 alerts", got)
	}
	if !slices.Equal(m.chunks, []int{500, 500, 200}) {
		t.Errorf("read in chunks of %v", m.chunks)
	}
}

func TestATrialOutOfBoundsIsRefused(t *testing.T) {
	w := tried(t, &memory{})
	for name, since := range map[string]time.Time{"two years": noon.AddDate(-2, 0, 0), "the future": noon.Add(time.Hour), "now": noon} {
		_, err := w.Try(t.Context(), policy.Side{Name: "folder", Files: both(t)}, model.User{}, since)
		if err == nil || !strings.Contains(err.Error(), "--since") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := w.Try(t.Context(), policy.Side{Name: "folder", Files: map[string][]byte{"a.yaml": nil}}, model.User{}, noon.Add(-time.Hour))
	wantError(t, err, "the rules of folder")
}

func TestATrialJudgesByGroupsHoursAndWhatCameBefore(t *testing.T) {
	const more = `extends: grave
owner: Designated Safeguarding Lead
why: More for tests.
scope: {groups: [10b], when: [lesson], premises: on}
raise: [{repeats: 3, within: 7d, to: urgent}]
domains: [{name: lesson.test, severity: low}]
programs: [{name: tunnel.exe, signer: Invented Ltd}]
tests: {hit: [{domain: lesson.test}], miss: [an ordinary line, another, one more]}
`
	files := both(t)
	files["mine/more.yaml"] = []byte(more)
	m := &memory{pupils: 60, may: true}
	for n := range 60 { // five each, of twelve
		e := flagged(n, event.Domain, "lesson.test", "grave", event.Low)
		e.Subject = fmt.Sprint("s", n%12)
		m.events = append(m.events, e)
	}
	w := tried(t, m)
	inLesson := func(string, time.Time) []string { return []string{"lesson"} }
	for name, c := range map[string]struct {
		groups []string
		words  policy.Periods
		want   string
	}{
		"in the group, in a lesson": {[]string{"10b"}, inLesson, "60 - 60 60 -"},
		"in another group":          {[]string{"9a"}, inLesson, "60 - - - -"},
		"at night":                  {[]string{"10b"}, func(string, time.Time) []string { return []string{"out-of-hours"} }, "60 - - - -"},
		"hours not known":           {[]string{"10b"}, nil, "60 - 60 60 -"},
	} {
		m.groups, m.kept = c.groups, nil
		w.UsePeriods(func(context.Context) (policy.Periods, error) { return c.words, nil })
		r := try(t, w, files, model.User{})
		if got := numbers(r.Total); got != c.want {
			t.Errorf("%s: total %s, want %s", name, got, c.want)
		}
		if c.want == "60 - 60 60 -" && (len(r.BySeverity) != 2 || numbers(r.BySeverity[0]) != "- - 35 35 -" || numbers(r.BySeverity[1]) != "60 - 25 25 -") {
			t.Errorf("%s: from each one's third on it is urgent: %+v", name, r.BySeverity)
		}
		for _, want := range []string{"Signers, hashes", "on the premises is not stored"} {
			if !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, want) }) {
				t.Errorf("%s: %q is not said in %q", name, want, r.Notes)
			}
		}
	}
}

func TestATrialLeavesOutWhatNoListHolds(t *testing.T) {
	m := &memory{pupils: 60}
	for n := range 20 {
		e := flagged(n, event.Domain, "grave.test", "grave", event.Urgent)
		e.Unlisted = n < 5
		m.events = append(m.events, e)
	}
	r := try(t, tried(t, m), both(t), model.User{})
	if !strings.Contains(strings.Join(r.Notes, " "), "that the list does not hold, were told to nobody and are left out") {
		t.Errorf("the notes do not say that some are left out: %q", r.Notes)
	}
	if numbers(r.Total) != "15 15 15 - -" {
		t.Errorf("total %s", numbers(r.Total))
	}
}
