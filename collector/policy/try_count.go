package policy

import (
	"cmp"
	"slices"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
	"safelight/internal/rules"
)

const (
	// trialLeast is the least number that a trial shows (G17).
	trialLeast = 10
	// trialRounded is what the numbers shown are rounded to: those of two trials
	// that differ by one phrase do not differ by one child (G17).
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

// trial is a trial under way: alerts that are still open, and counts of those
// that are not.
type trial struct {
	rules   [sets]*rules.Ruleset // then has none
	mayRead bool
	upheld  map[model.EventKey]bool

	around around
	open   [sets]map[string]*trialAlert // by subject and category
	recent [sets]map[string][]rules.Seen
	count  counts

	judged, searches, erased int64
	unlisted                 int64
	upheldGone               bool
	examples                 [2][]model.TrialExample // new ones, gone ones
}

// trialAlert is an alert as the gatherer would make it.
type trialAlert struct {
	category, year string
	severity       event.Severity
	first, last    time.Time
	received       time.Time // of its last event
	shared         bool      // the other rules would raise it too
}

// tally is a row of numbers before any is withheld.
type tally struct{ then, today, proposed, added, gone cell }

type counts struct {
	total      tally
	categories map[string]*tally
	years      map[string]*tally
	severities map[string]*tally
}

func newTrial(now, to *rules.Ruleset, mayRead bool) *trial {
	t := &trial{mayRead: mayRead, count: counts{categories: map[string]*tally{}, years: map[string]*tally{}, severities: map[string]*tally{}}}
	t.rules[today], t.rules[proposed] = now, to
	for i := range t.open {
		t.open[i], t.recent[i] = map[string]*trialAlert{}, map[string][]rules.Seen{}
	}
	return t
}

// see judges one event again and puts it into alerts. One whose list does not hold
// the name was told to nobody, and is left out.
func (t *trial) see(e model.TrialEvent) error {
	if e.Unlisted {
		t.unlisted++
		return nil
	}
	if e.Erased {
		t.erased++
		return nil
	}
	in, err := t.around.input(e)
	if err != nil {
		return err
	}
	t.judged++
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
		a = &trialAlert{category: category, year: e.Year, first: e.Observed, last: e.Observed}
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
	for _, row := range []*tally{
		&t.count.total, rowOf(t.count.categories, a.category), rowOf(t.count.years, a.year), rowOf(t.count.severities, a.severity.String()),
	} {
		switch set {
		case then:
			row.then.n++
		case today:
			row.today.n++
			if !a.shared {
				row.gone.n++
			}
		case proposed:
			row.proposed.n++
			if !a.shared {
				row.added.n++
			}
		}
	}
}

func rowOf(rows map[string]*tally, name string) *tally {
	if rows[name] == nil {
		rows[name] = &tally{}
	}
	return rows[name]
}

// columns are a row's numbers, in one order.
func (r *tally) columns() []*cell {
	return []*cell{&r.then, &r.today, &r.proposed, &r.added, &r.gone}
}

func (r *tally) shown(name, title string) model.TrialRow {
	return model.TrialRow{
		Name: name, Title: title, Then: r.then.shown(trialRounded), Today: r.today.shown(trialRounded), Proposed: r.proposed.shown(trialRounded),
		New: r.added.shown(trialRounded), Gone: r.gone.shown(trialRounded),
	}
}

// result words the counts, with what would point at few people withheld. pupils is
// how many the roster names.
func (t *trial) result(pupils int) model.TrialResult {
	small := pupils < trialPupils
	all := cell{n: t.judged, hidden: t.judged > 0 && (small || t.judged < trialLeast)}
	t.withhold(small)
	r := model.TrialResult{
		Judged: all.shown(trialRounded), Total: t.count.total.shown("", ""), Change: t.change(), Notes: t.notes(small),
		ByCategory: []model.TrialRow{}, ByYear: []model.TrialRow{}, BySeverity: []model.TrialRow{},
		Examples: slices.Concat(t.examples[0], t.examples[1]),
	}
	if small {
		return r // which rows there are says enough
	}
	for _, name := range sortedKeys(t.count.categories) {
		r.ByCategory = append(r.ByCategory, t.count.categories[name].shown(name, t.title(name)))
	}
	for _, name := range sortedKeys(t.count.years) {
		r.ByYear = append(r.ByYear, t.count.years[name].shown(name, ""))
	}
	for _, s := range []event.Severity{event.Urgent, event.High, event.Medium, event.Low} {
		if row := t.count.severities[s.String()]; row != nil {
			r.BySeverity = append(r.BySeverity, row.shown(s.String(), ""))
		}
	}
	return r
}

// change says in a word how the rules differ, once numbers are withheld: where
// those are that it is about, so is it.
func (t *trial) change() string {
	more, fewer := t.count.total.added, t.count.total.gone
	switch {
	case more.hidden || fewer.hidden:
		return "withheld"
	case more.n > 0 && fewer.n > 0:
		return "both"
	case more.n > 0:
		return "more"
	case fewer.n > 0:
		return "fewer"
	}
	return "none"
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

// withhold hides numbers in all tables at once: they share their totals.
func (t *trial) withhold(small bool) {
	tables := []map[string]*tally{t.count.categories, t.count.years, t.count.severities}
	rows := []*tally{&t.count.total}
	for _, table := range tables {
		for _, name := range sortedKeys(table) {
			rows = append(rows, table[name])
		}
	}
	var pairs []pair
	var balances []balance
	for _, r := range rows {
		for _, c := range r.columns() {
			c.hidden = small && c.n > 0
		}
		pairs = append(pairs, pair{&r.then, &r.today}, pair{&r.then, &r.proposed}, pair{&r.today, &r.proposed})
		balances = append(balances, balance{&r.today, &r.gone, &r.proposed, &r.added})
	}
	var sums []sum
	for _, table := range tables {
		for i, total := range t.count.total.columns() {
			s := sum{total: total}
			for _, name := range sortedKeys(table) {
				s.parts = append(s.parts, table[name].columns()[i])
			}
			sums = append(sums, s)
		}
	}
	withhold(trialLeast, sums, pairs, balances...)
}

func sortedKeys[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return names
}
