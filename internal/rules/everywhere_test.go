package rules_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"safelight/internal/bundle"
	"safelight/internal/event"
	"safelight/internal/rules"
)

// The agent judges by files that the collector signed, the collector by what it
// compiled. On every line that the packs carry, their verdicts are the same to
// the last word.
func TestAgentAndCollectorGiveTheSameVerdictOnEveryLine(t *testing.T) {
	files, lists := rules.Wide(t)
	collector, err := rules.CompileWith(files, lists)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := bundle.Encode(collector)
	if err != nil {
		t.Fatal(err)
	}
	agent, err := bundle.Open(signed)
	if err != nil {
		t.Fatal(err)
	}
	small := *collector.Policy()
	small.Rules, small.Domains, small.Programs = nil, nil, nil // in the table
	if !reflect.DeepEqual(agent.Policy(), &small) || !bytes.Equal(agent.Tables().Rules, collector.Tables().Rules) {
		t.Error("the policy is not what it was")
	}
	lines := rules.EveryLine(collector)
	if len(lines) < 2000 {
		t.Fatalf("%d lines, want all of the packs", len(lines))
	}
	for _, in := range lines {
		if a, c := agent.Judge(in), collector.Judge(in); !reflect.DeepEqual(a, c) {
			t.Fatalf("%+v:\nagent     %+v\ncollector %+v", in, a, c)
		}
	}
}

// The small table is there to be quick, and must never be the reason for another
// verdict.
func TestHostsAreJudgedByTheirOwnPhrasesAsByAll(t *testing.T) {
	files, lists := rules.Wide(t)
	small, err := rules.CompileWith(files, lists)
	if err != nil {
		t.Fatal(err)
	}
	tables := small.Tables()
	tables.Hosts = nil
	all, err := rules.Open(small.Policy(), tables)
	if err != nil {
		t.Fatal(err)
	}
	judged, noted := 0, 0
	for _, line := range rules.EveryLine(small) {
		for _, text := range []string{line.Text, strings.ReplaceAll(line.Text, " ", "-") + ".example", strings.ReplaceAll(line.Text, " ", ".") + ".example"} {
			in := line
			in.Kind, in.Text = event.Domain, text
			a, s := all.Judge(in), small.Judge(in)
			if !reflect.DeepEqual(a, s) {
				t.Fatalf("%+v:\nby all   %+v\nby hosts %+v", in, a, s)
			}
			judged++
			if s.Decision == rules.Note {
				noted++
			}
		}
	}
	if judged < 6000 || noted < 10 {
		t.Errorf("%d hosts, %d of them noted for a word: does this test still see the packs?", judged, noted)
	}
}
