package rules

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"
	"testing"

	"safelight/internal/event"
	"safelight/internal/rules/flat"
)

// small is a policy with a rule of most kinds.
func small() *Policy {
	alert := slices.Repeat([]Action{ActionAlert}, len(roleNames))
	return &Policy{
		Engine: Engine, Scopes: make([]Scope, 1),
		Categories: []PolicyCategory{{Category: Category{ID: "games", Severity: event.Low}, Actions: alert}},
		Rules: []Rule{
			{Kind: RuleDomain, ID: "games/play.example", Pack: "p 1", Severity: event.Low, File: "p/g.yaml", Line: 7, Reviewed: true},
			{Kind: RuleProgram, ID: "games/program/tetra", Pack: "p 1", Severity: event.Medium, Reviewed: true},
			{Kind: RuleApproved, ID: "games/not-approved", Pack: "p 1", Severity: event.Low},
			{Kind: RuleHelp, ID: "help", Category: -1, Search: true},
		},
		Domains:  []NamedRule{{Name: "play.example", Rule: 0}},
		Programs: []PolicyProgram{{Rule: 1, Name: "tetra", Signer: "tetra ltd"}, {Rule: 1, Path: "/games/*"}, {Rule: 2, Name: "editor"}},
	}
}

func TestARuleOfTheTableIsTheOneThatWasPutIn(t *testing.T) {
	p := small()
	raw, err := MakeTable(p)
	if err != nil {
		t.Fatal(err)
	}
	tbl, err := openTable(raw)
	if err != nil {
		t.Fatal(err)
	}
	rs := &Ruleset{policy: p, index: index{table: tbl}}
	if err := rs.table.check(p); err != nil {
		t.Fatal(err)
	}
	for i, want := range p.Rules {
		want.number = uint32(i)
		if got := rs.rule(uint32(i)); *got != want {
			t.Errorf("rule %d is %+v, want %+v", i, *got, want)
		}
	}
}

// Rules are told apart by their addresses: two goroutines that meet one first
// must be given the same.
func TestARuleThatManyMeetAtOnceIsOne(t *testing.T) {
	p := small()
	raw, err := MakeTable(p)
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		tbl, err := openTable(raw)
		if err != nil {
			t.Fatal(err)
		}
		rs := &Ruleset{policy: p, index: index{table: tbl}}
		var met [8]*Rule
		var all sync.WaitGroup
		for i := range met {
			all.Go(func() { met[i] = rs.rule(1) })
		}
		all.Wait()
		for _, r := range met {
			if r != met[0] || r != rs.rule(1) {
				t.Fatal("one rule has two addresses")
			}
		}
	}
}

func TestProgramsAreFoundByWhatTheySay(t *testing.T) {
	p := small()
	raw, err := MakeTable(p)
	if err != nil {
		t.Fatal(err)
	}
	tbl, err := openTable(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in   Input
		want []uint32
	}{
		{Input{Text: "Tetra.exe", Signer: "Tetra  Ltd"}, []uint32{1}},
		{Input{Text: "tetra", Signer: "another"}, nil},
		{Input{Text: "x", Exe: `C:\games\x.exe`}, nil},
		{Input{Text: "x", Exe: "/games/x"}, []uint32{1}},
		{Input{Text: "editor"}, []uint32{2}},
		{Input{Text: ""}, nil},
	} {
		var s started
		s.read(&c.in)
		var got []uint32
		tbl.eachProgram(&s, func(rule uint32) bool { got = append(got, rule); return true })
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v is %v, want %v", c.in, got, c.want)
		}
	}
}

func TestATableThatPointsOutsideIsRefused(t *testing.T) {
	good, err := MakeTable(small())
	if err != nil {
		t.Fatal(err)
	}
	parts, err := flat.Split(tableMagic, good, tableSections)
	if err != nil {
		t.Fatal(err)
	}
	put := func(section, at int, v uint32) func([][]byte) {
		return func(parts [][]byte) { binary.LittleEndian.PutUint32(parts[section][at:], v) }
	}
	for name, spoil := range map[string]func([][]byte){
		"a shared text":     put(sharedSection, 0, 1<<30),
		"a rule's id":       put(ruleSection, 28, 1<<30),
		"a rule's pack":     put(ruleSection, 20, 0xffff),
		"a rule's category": put(ruleSection, 4, 99),
		"a rule's scope":    put(ruleSection, 12, 0xffffffff),
		"a rule of no kind": func(parts [][]byte) { parts[ruleSection][0] = 0 },
		"a flag to come":    func(parts [][]byte) { parts[ruleSection][3] = 0x80 },
		"no severity":       func(parts [][]byte) { parts[ruleSection][2] = 0 },
		"a domain's rule":   put(domainSection, 8+8, 1),
		"a program's rule":  put(programSection, 0, 0),
		"a program's text":  put(programSection, 4, 1<<30),
		"a path's program":  put(pathSection, 0, 99),
		"a rule cut short":  func(parts [][]byte) { parts[ruleSection] = parts[ruleSection][:ruleSize-1] },
	} {
		var spoilt [][]byte
		for _, p := range parts {
			spoilt = append(spoilt, bytes.Clone(p))
		}
		spoil(spoilt)
		raw, err := flat.Join(tableMagic, spoilt...)
		if err != nil {
			t.Fatal(err)
		}
		tbl, err := openTable(raw)
		if err == nil {
			err = tbl.check(small())
		}
		if err == nil {
			t.Errorf("%s: it was opened", name)
		}
	}
}

func FuzzTable(f *testing.F) {
	p := small()
	raw, err := MakeTable(p)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:len(raw)/2])
	f.Fuzz(func(_ *testing.T, raw []byte) {
		tbl, err := openTable(raw)
		if err != nil {
			return
		}
		rs := &Ruleset{policy: p, index: index{table: tbl}}
		if rs.table.check(p) != nil {
			return
		}
		for i := range uint32(rs.table.len()) {
			rs.rule(i)
		}
		var s started
		for _, in := range []Input{{Text: "tetra", Signer: "tetra ltd"}, {Text: "x", Exe: "/games/x"}} {
			s.read(&in)
			rs.table.eachProgram(&s, func(uint32) bool { return true })
		}
		flat.Each(rs.table.domains, "play.example", func(uint32) bool { return true })
	})
}
