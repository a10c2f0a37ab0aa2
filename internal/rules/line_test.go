package rules

import (
	"encoding/json"
	"testing"
)

func TestALineIsAnsweredInTheContractsForm(t *testing.T) {
	rs := rulesFor(t, "phrases:\n  - {id: k-1, text: big knife}\n"+okTests)
	for line, answer := range map[string]string{
		"search\ta BIG knife\r\n": `{"kind":"search","text":"a BIG knife","verdict":"flag","category":"knives","severity":"high","rule":"knives/k-1","match":"BIG knife","why":"a search matched words on the knives list","read_as":"","how":[],"list":"","raised":""}`,
		"search\tspoon":           `{"kind":"search","text":"spoon","verdict":"none","category":"","severity":"","rule":"","match":"","why":"","read_as":"","how":[],"list":"","raised":""}`,
		" search \tspoon":         `{"kind":"search","text":"spoon","verdict":"none","category":"","severity":"","rule":"","match":"","why":"","read_as":"","how":[],"list":"","raised":""}`,
		"domain\tsamaritans.org":  `{"kind":"domain","text":"samaritans.org","verdict":"safe","category":"","severity":"","rule":"","match":"","why":"a helpline or a place to report harm: never flagged and never logged","read_as":"","how":[],"list":"","raised":""}`,
	} {
		v, err := rs.JudgeLine(line, Input{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(v)
		if err != nil || string(got) != answer {
			t.Errorf("got  %s\nwant %s (%v)", got, answer, err)
		}
	}
	v, err := rs.JudgeLine("search\tbig knife", Input{Role: "staff"})
	if err != nil || v.Verdict != "none" {
		t.Errorf("the role is not used: %+v %v", v, err)
	}
}

func TestABadLineSaysWhatIsWrong(t *testing.T) {
	rs := rulesFor(t, okTests)
	for line, want := range map[string]string{
		"":                      "line has no tab: want kind<TAB>text, where kind is domain, process or search",
		"search big knife":      "line has no tab",
		"page\tx":               `kind "page": want domain, process or search`,
		"search\t  ":            "search line has no text after the tab",
		"domain\thttps://a.b/c": `host name "https://a.b/c" is not one: want a name such as www.example.org`,
		"domain\ta b":           `host name "a b" is not one`,
		"search\t\xff":          "search text is not UTF-8",
		"search\t" + string(make([]byte, maxLine+1)): "want at most 65536",
	} {
		_, err := rs.JudgeLine(line, Input{})
		if err == nil {
			t.Errorf("%.20q was judged", line)
			continue
		}
		contains(t, err.Error(), want)
	}
}
