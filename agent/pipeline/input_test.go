package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"safelight/agent/pipeline"
	"safelight/internal/event"
	"safelight/internal/rules"
)

// lesson is a pack that flags games in lessons, and raises what comes again.
func lesson(t *testing.T) *rules.Ruleset {
	t.Helper()
	return games(t, "domains: [games.test]\nraise:\n  - {repeats: 3, within: 1h, to: medium}")
}

// games is lesson with other rules about games.
func games(t *testing.T, lines string) *rules.Ruleset {
	t.Helper()
	set, err := rules.Compile(map[string][]byte{
		"protected/pack.yaml": []byte("pack: protected\ntitle: What no rule may flag\nversion: 1\n"),
		"protected/help.yaml": []byte("protected: help\ntitle: Help\nwhy: Looking for help is no harm.\ndomains: [nhs.uk]\n"),
		"school/pack.yaml":    []byte("pack: school\ntitle: Test\nversion: 1\n"),
		"school/games.yaml": []byte(`category: games
title: Games
noun: games
about: Sites made up for tests.
purpose: behaviour
risk: ordinary
severity: low
owner: DSL
why: Tests.
action: {pupil: alert, staff: alert}
` + lines + `
tests: {hit: ["domain: games.test"], miss: ["domain: other.test"]}
`),
		"school/lesson.yaml": []byte(`category: in-lesson
title: In a lesson
noun: in a lesson
about: Sites made up for tests.
purpose: behaviour
risk: ordinary
severity: low
owner: DSL
why: Tests.
action: {pupil: alert}
scope: {when: [lesson], premises: on, sites: [manor]}
domains: [lesson.test]
tests: {hit: ["domain: lesson.test"], miss: ["domain: other.test"]}
`),
	})
	must(t, err)
	return set
}

func around(t *testing.T, set *rules.Ruleset, f pipeline.Around, see ...event.Observation) []string {
	t.Helper()
	d := &disk{}
	p := parts(t, d, &lockedBuilder{})
	p.Around = f
	p.Policy = func(judge func(*rules.Ruleset, uint64, uint64)) {
		judge(set, 3, 14)
		judge(set, 3, 14) // it broke off, and begins again
	}
	line := pipeline.New(p)
	line.PolicyArrived()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- line.Run(ctx) }()
	for _, o := range see {
		one := visit(o.Name, "")
		one.Time, one.User = o.Time, o.User
		must(t, line.Sink("test").Put(t.Context(), one))
	}
	cancel()
	must(t, <-done)
	var got []string
	for _, e := range d.events {
		got = append(got, e.Category+" "+e.Severity.String()+" "+e.Role)
	}
	return got
}

func TestRulesAreAskedWithWhatHoldsAround(t *testing.T) {
	set := lesson(t)
	see := event.Observation{Name: "lesson.test", Time: noon, User: "pupil14"}
	for name, c := range map[string]struct {
		around pipeline.Surroundings
		want   int
	}{
		"in a lesson there":      {pipeline.Surroundings{Site: "manor", Premises: "on", Periods: []string{"school-day", "lesson"}}, 1},
		"in a break":             {pipeline.Surroundings{Site: "manor", Premises: "on", Periods: []string{"school-day", "break"}}, 0},
		"off the premises":       {pipeline.Surroundings{Site: "manor", Premises: "off", Periods: []string{"lesson"}}, 0},
		"at another site":        {pipeline.Surroundings{Site: "main", Premises: "on", Periods: []string{"lesson"}}, 0},
		"where nothing is known": {pipeline.Surroundings{}, 1}, // a child is not missed for want of a timetable
	} {
		got := around(t, set, func(pipeline.Person, pipeline.Moment) pipeline.Surroundings { return c.around }, see)
		if len(got) != c.want {
			t.Errorf("%s: %q, want %d events", name, got, c.want)
		}
	}
}

func TestG16LeaveIsJudgedByWhenSomethingWasSeen(t *testing.T) {
	var asked []pipeline.Moment
	var groups [][]string
	got := around(t, lesson(t), func(who pipeline.Person, when pipeline.Moment) pipeline.Surroundings {
		asked, groups = append(asked, when), append(groups, who.Groups)
		return pipeline.Surroundings{Exempt: []string{"games"}}
	}, event.Observation{Name: "games.test", Time: noon, User: "teacher"}, event.Observation{Name: "games.test", Time: noon.Add(-time.Minute), User: "teacher"},
		event.Observation{Name: "games.test", Time: noon.Add(time.Hour), User: "pupil14"})
	if len(got) != 0 {
		t.Errorf("flagged in spite of leave: %q", got)
	}
	want := []pipeline.Moment{
		{Wall: noon, Boot: "boot", Mono: 90 * time.Second},
		{Wall: noon.Add(-time.Minute), Boot: "boot", Mono: 30 * time.Second},
		{Wall: noon.Add(time.Hour), Boot: "boot", Mono: 90 * time.Second}, // a log's clock that is ahead gains nothing
	}
	if asked = slices.Compact(asked); !slices.Equal(asked, want) {
		t.Errorf("asked at %v, want %v", asked, want)
	}
	if !slices.Equal(groups[0], []string{"10b"}) || groups[len(groups)-1] != nil {
		t.Errorf("asked for groups %q", groups)
	}
}

func TestWhatComesAgainWeighsMore(t *testing.T) {
	see := func(user string, after time.Duration) event.Observation {
		return event.Observation{Name: "games.test", Time: noon.Add(after), User: user}
	}
	got := around(t, lesson(t), nil, see("a", 0), see("b", 0), see("a", time.Minute), see("b", time.Minute), see("a", 2*time.Minute), see("b", 2*time.Hour),
		see("", 0), see("", 1), see("", 2), see("", 3))
	want := []string{
		"games low pupil", "games low pupil", "games low pupil", "games low pupil", "games medium pupil", "games low pupil",
		"games low pupil", "games low pupil", "games low pupil", "games low pupil", // nobody's may be anybody's
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A page that asks for many names, and a site that is asked for all day, take no
// place from what was seen of other things.
func TestManyNamesOfOnePageDoNotPushOutWhatMatters(t *testing.T) {
	page := "domains: [games.test"
	for i := range 80 {
		page += fmt.Sprintf(", g%d.test", i)
	}
	set := games(t, page+"]\nraise:\n  - {with: [in-lesson], within: 24h, to: urgent}\n  - {repeats: 3, within: 1h, to: medium}")
	see := func(name string, after time.Duration) event.Observation {
		return event.Observation{Name: name, Time: noon.Add(after), User: "a"}
	}
	for name, step := range map[string]func(i int) event.Observation{
		"one name again and again": func(i int) event.Observation { return see("games.test", time.Duration(i)*time.Second) },
		"many names":               func(i int) event.Observation { return see(fmt.Sprintf("g%d.test", i), time.Duration(i)*time.Second) },
		"one name all day":         func(i int) event.Observation { return see("games.test", time.Duration(i)*5*time.Minute) },
	} {
		all := []event.Observation{see("lesson.test", 0)}
		for i := range 80 {
			all = append(all, step(i))
		}
		got := around(t, set, nil, all...)
		if len(got) != 81 || got[80] != "games urgent pupil" {
			t.Errorf("%s: %d events, the last %q: what was seen in the lesson is forgotten", name, len(got), got[len(got)-1])
		}
	}
}
