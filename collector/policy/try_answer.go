package policy

import (
	"encoding/json"
	"maps"

	"safelight/collector/model"
)

// A trial tells nobody of few pupils (G17), whoever asks and however often:
//
//   - A category, a year or a severity in which fewer than trialLeast pupils have
//     alerts has no number, and none at all is said in the same words as a few. What
//     would follow from the totals is left out of these too (crowd), so that the
//     answer is the same, to the digit, as if those few were not there.
//   - Numbers are kept in parts: what both sets of rules raise, what is new, what is
//     gone. A part that differs from one that an earlier trial was told of by fewer
//     than trialLeast pupils is told as that one was (steady). So rules that differ
//     by one phrase, or a window by a day, have the same answer until enough pupils
//     stand between them.

// alertOf is what alerts are counted by. subject is a pseudonym.
type alertOf struct{ subject, category, year, severity string }

// atoms count alerts.
type atoms map[alertOf]int64

// rowsOf are the rows of the tables that an alert counts in: of each table one.
func rowsOf(a alertOf) []string {
	return []string{inCategory: join("category", a.category), inYear: join("year", a.year), inSeverity: join("severity", a.severity)}
}

const (
	inCategory = iota
	inYear
	inSeverity
	tables
)

// totalRow is the row that every alert counts in.
const totalRow = "total"

// crowd leaves out the alerts that would be told of few pupils: in each table those
// of rows with fewer than least pupils, where all such rows together have no more.
// What is left of a total beside the rows that are shown is nothing, or of enough.
func crowd(all atoms, least int) atoms {
	left := maps.Clone(all)
	for n := -1; n != len(left); {
		n = len(left)
		few := left.fewRows(least)
		for table := range tables {
			pupils := map[string]bool{}
			for a := range left {
				if few[rowsOf(a)[table]] {
					pupils[a.subject] = true
				}
			}
			if len(pupils) < least {
				maps.DeleteFunc(left, func(a alertOf, _ int64) bool { return few[rowsOf(a)[table]] })
			}
		}
	}
	return left
}

// fewRows are the rows that have fewer than least pupils.
func (all atoms) fewRows(least int) map[string]bool {
	few := map[string]bool{}
	for row, p := range all.parts() {
		few[row] = len(p) < least
	}
	return few
}

// part is a number and whose it is: by pupil.
type part map[string]int64

// parts adds alerts up, by row.
func (all atoms) parts() map[string]part {
	rows := map[string]part{}
	for a, n := range all {
		for _, row := range append(rowsOf(a), totalRow) {
			if rows[row] == nil {
				rows[row] = part{}
			}
			rows[row][a.subject] += n
		}
	}
	return rows
}

// apart is how many pupils two parts differ by.
func (p part) apart(q part) (pupils int) {
	for subject, n := range p {
		if q[subject] != n {
			pupils++
		}
	}
	for subject := range q {
		if _, ok := p[subject]; !ok {
			pupils++
		}
	}
	return pupils
}

func (p part) sum() (n int64) {
	for _, alerts := range p {
		n += alerts
	}
	return n
}

// answer is what is told of a part: its number, or that it is of few or of nobody.
type answer struct {
	n   int64
	few bool
}

// shown is an answer rounded, or nil where it is of few.
func (a answer) shown() *int64 {
	if a.few {
		return nil
	}
	n := (a.n + trialRounded/2) / trialRounded * trialRounded
	return &n
}

// plus adds parts up; of few are those that all are.
func (a answer) plus(b answer) answer { return answer{n: a.n + b.n, few: a.few && b.few} }

// told is one part that was told, as it is kept.
type told struct {
	Few bool  `json:"few,omitempty"`
	N   int64 `json:"n"`
	Of  part  `json:"of"`
}

// memoryOf is what trials were told before, oldest first, by the part's name.
type memoryOf map[string][]told

func remember(kept [][]byte) (memoryOf, error) {
	all := memoryOf{}
	for _, data := range kept {
		var one map[string]told
		if err := json.Unmarshal(data, &one); err != nil {
			return nil, err
		}
		for name, t := range one {
			all[name] = append(all[name], t)
		}
	}
	return all, nil
}

// steady answers for parts as was answered before, as far as they are the same but
// for few pupils.
type steady struct {
	before memoryOf
	fresh  map[string]told
	least  int
}

// answer tells a part. likes are answers beside it in the same trial, which it is
// told as where it differs from them by few pupils.
func (s *steady) answer(name string, p part, likes ...like) answer {
	for _, l := range likes {
		if p.apart(l.part) < s.least {
			return l.answer
		}
	}
	for _, t := range s.before[name] {
		if p.apart(t.Of) < s.least {
			return answer{n: t.N, few: t.Few}
		}
	}
	a := answer{n: p.sum(), few: len(p) < s.least}
	if a.few {
		a.n = 0
	}
	if len(p) > 0 { // nobody at all is few anyway
		s.fresh[name] = told{Few: a.few, N: a.n, Of: p}
	}
	return a
}

// like is an answer and what it is of.
type like struct {
	part   part
	answer answer
}

// row is what is told of one row of a table.
type row struct {
	then, today, proposed, added, gone answer
	// left says that what both rules raise here is told of today's and is of few in
	// what is tried.
	left bool
}

// row tells a row from its parts.
func (s *steady) row(name string, of *[countings]map[string]part) row {
	at := func(kind int) part { return of[kind][name] }
	both := s.answer(join(name, "both"), at(bothToday))
	tried := s.answer(join(name, "tried"), at(bothTried), like{at(bothToday), both})
	added, gone := s.answer(join(name, "new"), at(onlyTried)), s.answer(join(name, "gone"), at(onlyToday))
	r := row{today: both.plus(gone), proposed: tried.plus(added), added: added, gone: gone, left: tried.few && !both.few}
	now := maps.Clone(at(bothToday))
	if now == nil {
		now = part{}
	}
	for subject, n := range at(onlyToday) {
		now[subject] += n
	}
	r.then = s.answer(join(name, "then"), at(asThen), like{now, r.today})
	return r
}

// nothing says that a row has no number to show.
func (r row) nothing() bool {
	return r.then.few && r.today.few && r.proposed.few && r.added.few && r.gone.few
}

func (r row) shown(name, title string) model.TrialRow {
	return model.TrialRow{
		Name: name, Title: title, Then: r.then.shown(), Today: r.today.shown(), Proposed: r.proposed.shown(), New: r.added.shown(), Gone: r.gone.shown(),
	}
}

// hideLeft withholds one row more of what is tried where rules moved most of another's
// alerts to other rows, as a change of severity does, and left few: the total, which
// they do not change, would give the few away.
func hideLeft(rows map[string]row) {
	least := ""
	left := false
	for name, r := range rows {
		left = left || r.left
		if !r.proposed.few && (least == "" || r.proposed.n < rows[least].proposed.n || r.proposed.n == rows[least].proposed.n && name < least) {
			least = name
		}
	}
	if left && least != "" {
		r := rows[least]
		r.proposed.few = true
		rows[least] = r
	}
}
