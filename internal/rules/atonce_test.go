package rules

import (
	"reflect"
	"sync"
	"testing"

	"safelight/internal/event"
)

// Rules never change once they are compiled or opened, so that every goroutine may
// judge by them, explain and check at the same time.
func TestManyJudgeAtOnceAsOneDoes(t *testing.T) {
	files := with("acme/knives.yaml", head+"threshold: 100\nphrases:\n  - {id: k-1, text: big knife, weight: 60}\n  - {id: k-2, text: hide it, weight: 60}\n"+
		"  - {id: k-3, all: [sharp, blade], within: 4}\n  - {id: k-4, text: machete, match: part, in: [search, host]}\n"+
		"allow: [{text: machete, near: [garden], within: 3}]\ndomains:\n  - blades.example\n  - {file: lists/ours.txt}\n  - {lookalike_of: [our-school.example]}\n"+
		"programs: [blade]\nraise: [{repeats: 2, within: 1h, to: urgent}]\ntests: {hit: [big knife so hide it], miss: [big garden]}\n",
		"acme/lists/ours.txt", "our-block.example\n")
	compiled, opened := both(t, files, nil)
	inputs := []Input{
		{Kind: event.Search, Text: "b1g kn1fe h1de it"},
		{Kind: event.Search, Text: "a machete in the garden, sharp new blade"},
		{Kind: event.Search, Text: "ordinary words"},
		{Kind: event.Domain, Text: "www.blades.example"},
		{Kind: event.Domain, Text: "a.our-block.example"},
		{Kind: event.Domain, Text: "0ur-schooi.example"},
		{Kind: event.Domain, Text: "www.childline.org.uk"},
		{Kind: event.Process, Text: "blade.exe"},
		{Kind: event.Search, Text: "sharp blade", At: noon, Recent: []Seen{{Category: "knives", At: noon}, {Category: "knives", At: noon}}},
	}
	var want []Verdict
	for _, in := range inputs {
		want = append(want, compiled.Judge(in))
	}
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			rs := []*Ruleset{compiled, opened}[n%2]
			for i := range 20 * len(inputs) {
				in := inputs[(i+n)%len(inputs)]
				if got := rs.Judge(in); !reflect.DeepEqual(got, want[(i+n)%len(inputs)]) {
					t.Errorf("%q: %+v", in.Text, got)
					return
				}
				rs.Explain(in)
			}
			if ps := compiled.Check(); len(ps) > 0 {
				t.Error(ps)
			}
		})
	}
	all.Wait()
}
