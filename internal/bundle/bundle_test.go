package bundle

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"safelight/internal/event"
	"safelight/internal/packdir"
	"safelight/internal/rules"
	"safelight/internal/rules/names"
)

// wide are the packs, and a list of names.
func wide() (map[string][]byte, error) {
	files, err := packdir.Shipped()
	if err != nil {
		return nil, err
	}
	files["ours/pack.yaml"] = []byte("pack: ours\ntitle: Ours\nversion: 1\n")
	files["ours/blocks.txt"] = []byte("crates.invented.example\nbarrels.invented.example\n")
	files["ours/gambling.yaml"] = []byte("extends: gambling\nowner: Head of Year\nwhy: Somebody has to notice.\ndomains: [{file: blocks.txt, format: domains}]\ntests: {miss: [{domain: example.org}]}\n")
	return files, nil
}

// wideOnce is wide compiled, once for all tests: it never changes.
var wideOnce = sync.OnceValues(func() (*rules.Ruleset, error) {
	files, err := wide()
	if err != nil {
		return nil, err
	}
	return rules.Compile(files)
})

func shipped(t testing.TB) (map[string][]byte, *rules.Ruleset) {
	t.Helper()
	files, err := wide()
	must(t, err)
	set, err := wideOnce()
	must(t, err)
	return files, set
}

func opened(t testing.TB, set *rules.Ruleset) (map[string][]byte, *rules.Ruleset) {
	t.Helper()
	files, err := Encode(set)
	must(t, err)
	open, err := Open(files)
	must(t, err)
	return files, open
}

// eachText visits every text that stands in the packs.
func eachText(t testing.TB, files map[string][]byte, visit func(string)) {
	t.Helper()
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode {
			visit(n.Value)
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	for name, data := range files {
		if strings.HasSuffix(name, ".yaml") {
			var doc yaml.Node
			must(t, yaml.Unmarshal(data, &doc))
			walk(&doc)
		}
	}
}

// whose are those a line is judged for.
func whose() []rules.Input {
	lesson := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	return []rules.Input{
		{At: lesson},
		{Role: "pupil", Year: "8", Groups: []string{"8b"}, Site: "main", Premises: "on", Periods: []string{"lesson", "school-day"}, At: lesson},
		{Role: "pupil", Year: "12", Site: "annexe", Unfiltered: true, Premises: "off", Periods: []string{"out-of-hours"}, At: lesson.Add(10 * time.Hour), Unreviewed: true},
		{Role: "staff", At: lesson, NoSearches: true},
		{Role: "head", At: lesson},
		{Role: "pupil", Year: "9", Periods: []string{"lesson"}, At: lesson, Exempt: []string{"games", "video", "self-harm"}, Recent: []rules.Seen{
			{Category: "our-blocks", Rule: "our-blocks/list/blocks", At: lesson.Add(-time.Minute)}, {Category: "suicide", Rule: "x", At: lesson.Add(-time.Minute)},
		}},
	}
}

func TestOpenedRulesJudgeAsTheCompiledOnesOnEveryLine(t *testing.T) {
	files, set := shipped(t)
	compiled, open := opened(t, set)
	if compiled[NamesFile] == nil || compiled[TableFile] == nil || compiled[HostsFile] == nil || compiled[WeighedFile] == nil || len(compiled) != 6 {
		t.Fatalf("it has %d files", len(compiled))
	}
	lines, flagged := 0, 0
	eachText(t, files, func(text string) {
		for _, kind := range []event.Kind{event.Domain, event.Search, event.Process} {
			for _, in := range whose() {
				in.Kind, in.Text = kind, text
				if kind == event.Process {
					in.Exe, in.OriginalName, in.Signer, in.SHA256 = `C:\Apps\`+text, text, text, strings.Repeat("ab", 32)
				}
				lines++
				want, got := set.Judge(in), open.Judge(in)
				if !reflect.DeepEqual(want, got) {
					t.Errorf("%+v: got %+v, want %+v", in, got, want)
				}
				if want.Decision == rules.Flag {
					flagged++
				}
			}
		}
	})
	if lines < 15000 || flagged < 3000 {
		t.Errorf("only %d lines and %d flags: does this test still see the packs?", lines, flagged)
	}
	if v := open.Judge(rules.Input{Kind: event.Domain, Text: "www.crates.invented.example"}); v.List == "" {
		t.Errorf("the list is gone: %+v", v)
	}
}

// A device whose agent was updated judges by what it has until it fetches newer.
func TestAPolicyOfEngine5IsOpenedWithoutATableOfRules(t *testing.T) {
	_, set := shipped(t)
	files, open := opened(t, set)
	old, err := encodeEngine5(set.Policy())
	must(t, err)
	files[PolicyFile] = old
	delete(files, TableFile)
	delete(files, HostsFile)
	before, err := Open(files)
	must(t, err)
	for _, text := range []string{"bet365.com", "www.crates.invented.example", "tor.exe", "how to kill myself"} {
		for _, kind := range []event.Kind{event.Domain, event.Process, event.Search} {
			in := rules.Input{Kind: kind, Text: text, Role: "pupil"}
			if want, got := open.Judge(in), before.Judge(in); !reflect.DeepEqual(want, got) {
				t.Errorf("%s %s: got %+v, want %+v", kind, text, got, want)
			}
		}
	}
	delete(files, PhrasesFile)
	if _, err := Open(files); err == nil {
		t.Error("without phrases it was opened")
	}
}

func TestRulesWithoutTheirTableAreRefused(t *testing.T) {
	_, set := shipped(t)
	files, _ := opened(t, set)
	delete(files, TableFile)
	if _, err := Open(files); err == nil || !strings.Contains(err.Error(), "rules.tbl is missing") {
		t.Errorf("%v", err)
	}
}

// Devices fetch what has another hash.
func TestTheSameRulesGiveTheSameBytes(t *testing.T) {
	files, set := shipped(t)
	first, open := opened(t, set)
	again, err := rules.Compile(files)
	must(t, err)
	for name, s := range map[string]*rules.Ruleset{"compiled again": again, "opened": open} {
		second, err := Encode(s)
		must(t, err)
		if !maps.EqualFunc(first, second, bytes.Equal) {
			t.Errorf("%s: other bytes", name)
		}
	}
}

// What people are told of a category comes from these files too.
func TestCategoriesComeBackInEveryWord(t *testing.T) {
	_, set := shipped(t)
	_, open := opened(t, set)
	want, err := json.Marshal(set.Categories())
	must(t, err)
	got, err := json.Marshal(open.Categories())
	must(t, err)
	if !bytes.Equal(want, got) {
		t.Error("they differ")
	}
}

func TestAnOverlayOfAnotherTableIsRefused(t *testing.T) {
	_, set := shipped(t)
	files, _ := opened(t, set)
	other, err := names.Build(func(yield func(names.Entry) bool) { yield(names.Entry{Name: "a.example"}) }, 1, [16]byte{1})
	must(t, err)
	table, err := names.Open(other)
	must(t, err)
	files[OverlayFile], err = names.BuildOverlay(table, []names.Entry{{Name: "b.example"}}, nil)
	must(t, err)
	if _, err := Open(files); err == nil {
		t.Error("it was opened")
	}
}

// FuzzOpen spoils one of the files: an error, or rules that judge without a panic.
func FuzzOpen(f *testing.F) {
	_, set := shipped(f)
	good, err := Encode(set)
	must(f, err)
	order := []string{PolicyFile, TableFile, PhrasesFile, HostsFile, WeighedFile, NamesFile, OverlayFile}
	for i := range order {
		f.Add(uint8(i), uint32(40), []byte{0xff})
		f.Add(uint8(i), uint32(3), []byte("noise that is longer"))
	}
	f.Fuzz(func(_ *testing.T, which uint8, at uint32, with []byte) {
		files := maps.Clone(good)
		name := order[int(which)%len(order)]
		if len(files[name]) == 0 {
			files[name] = with
		} else {
			spoilt := bytes.Clone(files[name])
			copy(spoilt[int(at)%len(spoilt):], with)
			files[name] = spoilt
		}
		set, err := Open(files)
		if err != nil {
			return
		}
		for _, in := range []rules.Input{
			{Kind: event.Search, Text: "how to kill myself and self harm"},
			{Kind: event.Domain, Text: "www.crates.invented.example"},
			{Kind: event.Process, Text: "tor.exe", Exe: `C:\Tor Browser\tor.exe`},
			{Kind: event.Domain, Text: "bet365.com"},
		} {
			_ = set.Judge(in)
		}
	})
}
