package policy

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
	"safelight/internal/rules"
)

const (
	// trialLeast is how many pupils a number must be of, and stand between it and
	// another, to be told (G17).
	trialLeast = 10
	// trialRounded is what the numbers shown are rounded to.
	trialRounded = 5
	// trialPupils is how many pupils there must be for any number (G17).
	trialPupils = 50
	// trialWindow is how close two events of an account and a category lie to be
	// one alert: as the gatherer has it (store.Window; a test holds the two
	// together).
	trialWindow = 30 * time.Minute
	// trialSettled is how long after its last event an alert is closed.
	trialSettled = 24 * time.Hour
)

// The verdicts that a trial compares.
const (
	then = iota
	today
	proposed
	sets
)

// What alerts are counted as: of then; of today's rules and of those tried, as far
// as the others raise them too, and those that they do not.
const (
	asThen = iota
	bothToday
	bothTried
	onlyToday
	onlyTried
	countings
)

// trial is a trial under way: alerts that are still open, and counts of those
// that are not.
type trial struct {
	rules   [sets]*rules.Ruleset // then has none
	mayRead bool
	upheld  map[model.EventKey]bool

	around around
	open   [sets]map[string]*trialAlert // by subject and category
	recent [sets]map[string][]rules.Seen
	count  [countings]atoms
	judged part // events

	searches   int64
	upheldGone bool
	examples   [2][]model.TrialExample // new ones, gone ones
}

// trialAlert is an alert as the gatherer would make it.
type trialAlert struct {
	subject, category, year string
	severity                event.Severity
	first, last             time.Time
	received                time.Time // of its last event
	shared                  bool      // the other rules would raise it too
}

func newTrial(now, to *rules.Ruleset, mayRead bool) *trial {
	t := &trial{mayRead: mayRead, judged: part{}}
	t.rules[today], t.rules[proposed] = now, to
	for i := range t.open {
		t.open[i], t.recent[i] = map[string]*trialAlert{}, map[string][]rules.Seen{}
	}
	for i := range t.count {
		t.count[i] = atoms{}
	}
	return t
}

// see judges one event again and puts it into alerts. One whose list does not hold
// the name was told to nobody, and is left out.
func (t *trial) see(e model.TrialEvent) error {
	if e.Unlisted || e.Erased {
		return nil
	}
	in, err := t.around.input(e)
	if err != nil {
		return err
	}
	t.judged[e.Subject]++
	if e.Kind == event.Search {
		t.searches++
	}
	now, to := t.judge(today, e, in), t.judge(proposed, e, in)
	same := now != nil && to != nil && now.Category == to.Category
	t.put(then, e, e.Category, e.Severity, true)
	if now != nil {
		t.put(today, e, now.Category, now.Severity, same)
	}
	if to != nil {
		t.put(proposed, e, to.Category, to.Severity, same)
	}
	if same || now == nil && to == nil {
		return nil
	}
	if to != nil {
		t.keepExample(0, example("new", e, now, to))
	}
	if now != nil {
		t.keepExample(1, example("gone", e, now, to))
		t.upheldGone = t.upheldGone || t.upheld[model.EventKey{Device: e.Device, ID: e.ID}]
	}
	return nil
}

func (t *trial) keepExample(way int, e model.TrialExample) {
	if t.mayRead && len(t.examples[way]) < trialExamples {
		t.examples[way] = append(t.examples[way], e)
	}
}

// put gathers an event as the gatherer does.
func (t *trial) put(set int, e model.TrialEvent, category string, severity event.Severity, shared bool) {
	key := join(e.Subject, category)
	a := t.open[set][key]
	if a != nil && (a.last.Before(e.Observed.Add(-trialWindow)) || a.first.After(e.Observed.Add(trialWindow))) {
		t.close(set, a)
		a = nil
	}
	if a == nil {
		a = &trialAlert{subject: e.Subject, category: category, year: e.Year, first: e.Observed, last: e.Observed}
		t.open[set][key] = a
	}
	a.severity = max(a.severity, severity)
	a.shared = a.shared || shared
	if e.Observed.Before(a.first) {
		a.first = e.Observed
	}
	if e.Observed.After(a.last) {
		a.last = e.Observed
	}
	a.received = e.Received
}

// forget closes the alerts that nothing will be added to any more.
func (t *trial) forget(now time.Time) {
	for set := range t.open {
		for key, a := range t.open[set] {
			if now.Sub(a.received) > trialSettled {
				t.close(set, a)
				delete(t.open[set], key)
			}
		}
		for subject, seen := range t.recent[set] {
			if now.Sub(seen[len(seen)-1].At) > trialRemembered {
				delete(t.recent[set], subject)
			}
		}
	}
}

// end closes every alert.
func (t *trial) end() {
	for set := range t.open {
		for _, a := range t.open[set] {
			t.close(set, a)
		}
		clear(t.open[set])
	}
}

// close counts an alert.
func (t *trial) close(set int, a *trialAlert) {
	kind := asThen
	switch {
	case set == today && a.shared:
		kind = bothToday
	case set == today:
		kind = onlyToday
	case set == proposed && a.shared:
		kind = bothTried
	case set == proposed:
		kind = onlyTried
	}
	t.count[kind][alertOf{a.subject, a.category, a.year, a.severity.String()}]++
}

// result words the counts, with what would point at few people left out. pupils is
// how many the roster names.
func (t *trial) result(pupils int, s *steady) model.TrialResult {
	r := model.TrialResult{
		Change: changeWithheld, Notes: t.notes(pupils < trialPupils), ByCategory: []model.TrialRow{}, ByYear: []model.TrialRow{}, BySeverity: []model.TrialRow{},
		Examples: slices.Concat(t.examples[0], t.examples[1]),
	}
	if pupils < trialPupils {
		return r // which rows there are says enough
	}
	var of [countings]map[string]part
	var names [tables]map[string]string // of a row, what it is about
	for i := range names {
		names[i] = map[string]string{}
	}
	for kind, all := range t.count {
		all = crowd(all, s.least)
		of[kind] = all.parts()
		for a := range all {
			for table, name := range map[int]string{inCategory: a.category, inYear: a.year, inSeverity: a.severity} {
				names[table][rowsOf(a)[table]] = name
			}
		}
	}
	judged := s.answer("judged", t.judged)
	total := s.row(totalRow, &of)
	r.Judged, r.Total, r.Change = judged.shown(), total.shown("", ""), change(total)
	r.ByCategory = tableOf(s, &of, names[inCategory], t.title, byLength)
	r.ByYear = tableOf(s, &of, names[inYear], nil, byLength)
	r.BySeverity = tableOf(s, &of, names[inSeverity], nil, bySeverity)
	return r
}

// tableOf tells the rows that have a number to show.
func tableOf(s *steady, of *[countings]map[string]part, names map[string]string, title func(string) string, order func(a, b string) int) []model.TrialRow {
	rows := map[string]row{}
	for key, name := range names {
		rows[name] = s.row(key, of)
	}
	hideLeft(rows)
	shown := []model.TrialRow{}
	for _, name := range slices.SortedFunc(maps.Keys(rows), order) {
		words := ""
		if title != nil {
			words = title(name)
		}
		if !rows[name].nothing() {
			shown = append(shown, rows[name].shown(name, words))
		}
	}
	return shown
}

// changeWithheld is the word for a change that is of few pupils, or of nobody.
const changeWithheld = "withheld"

// change says in a word how the rules differ, by the numbers that are shown.
func change(total row) string {
	switch more, fewer := !total.added.few, !total.gone.few; {
	case more && fewer:
		return "both"
	case more:
		return "more"
	case fewer:
		return "fewer"
	}
	return changeWithheld
}

// title is what people call a category, by whichever rules know it.
func (t *trial) title(id string) string {
	for _, set := range []int{proposed, today} {
		if c, ok := t.rules[set].Category(id); ok {
			return c.Title
		}
	}
	return id
}

// byLength orders numbers before words, and "9" before "10".
func byLength(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

// bySeverity has the worst first.
func bySeverity(a, b string) int {
	of := func(name string) event.Severity { s, _ := event.ParseSeverity(name); return s }
	return cmp.Compare(of(b), of(a))
}

func sortedKeys[T any](m map[string]T) []string { return slices.SortedFunc(maps.Keys(m), byLength) }
