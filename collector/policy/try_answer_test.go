package policy

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
)

// someAlerts are some alerts of a school whose years and categories differ in size.
func someAlerts(r *rand.Rand) atoms {
	all := atoms{}
	for range r.IntN(150) {
		all[alertOf{
			subject: fmt.Sprint("s", r.IntN(60)), category: fmt.Sprint("c", min(r.IntN(6), r.IntN(6))),
			year: fmt.Sprint(7 + min(r.IntN(5), r.IntN(5))), severity: []string{"low", "low", "low", "high", "urgent"}[r.IntN(5)],
		}] += int64(1 + r.IntN(3))
	}
	return all
}

// What is shown, taken from what it is part of, leaves nobody, or enough pupils; and
// without those left out the answer is the same, to the digit.
func TestG17WhatIsLeftOfATotalIsOfEnoughPupils(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 17))
	some := 0
	for range 2000 {
		left := crowd(someAlerts(r), trialLeast)
		rows := left.parts()
		some += len(left)
		for table := range tables {
			rest := map[string]bool{}
			for a := range left {
				if len(rows[rowsOf(a)[table]]) < trialLeast {
					rest[a.subject] = true
				}
			}
			if len(rest) > 0 && len(rest) < trialLeast {
				t.Fatalf("in table %d, %d pupils are left: %v", table, len(rest), left)
			}
		}
		if again := crowd(left, trialLeast); !reflect.DeepEqual(again, left) {
			t.Fatalf("with the few it is %v, without them %v", left, again)
		}
	}
	if some == 0 {
		t.Error("nothing is ever left")
	}
}

// Whatever was answered before: a part never has an answer of its own within few
// pupils of another that has.
func TestG17AnswersOfTheirOwnLieEnoughPupilsApart(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 17))
	var before []told
	for range 600 {
		p := part{}
		for n := range 40 {
			if r.IntN(3) > 0 {
				p[fmt.Sprint("s", n)] = int64(1 + r.IntN(2))
			}
		}
		s := &steady{before: memoryOf{"x": before}, fresh: map[string]told{}, least: trialLeast}
		s.answer("x", p)
		for _, one := range s.fresh {
			for _, other := range before {
				if n := one.Of.apart(other.Of); n < trialLeast {
					t.Fatalf("answers of their own %d pupils apart", n)
				}
			}
			before = append(before, one)
		}
	}
	if len(before) < 10 {
		t.Errorf("%d answers in 600", len(before))
	}
}

// A rule that makes most of a severity's alerts urgent leaves three: the total is
// what it was.
func TestG17AMovedSeverityDoesNotShowWhoIsLeft(t *testing.T) {
	for left := range 4 {
		rows := map[string]row{
			"medium": {today: answer{n: 15}, proposed: answer{few: true}, gone: answer{few: true}, left: true},
			"urgent": {today: answer{n: 40}, proposed: answer{n: int64(55 - left)}},
			"low":    {today: answer{n: 20}, proposed: answer{n: 20}},
		}
		hideLeft(rows)
		if !rows["low"].proposed.few || rows["urgent"].proposed.few {
			t.Errorf("with %d left: %+v", left, rows)
		}
	}
	rows := map[string]row{"medium": {proposed: answer{few: true}}, "urgent": {proposed: answer{n: 55}}}
	if hideLeft(rows); rows["urgent"].proposed.few {
		t.Error("a row is withheld for nothing")
	}
}
