package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A rule for some pupils, lessons or places is tried as one of them.
func TestJudgeTriesARuleAsThoseItIsAbout(t *testing.T) {
	dir := rulesDir(t)
	if err := os.WriteFile(filepath.Join(dir, "more.yaml"), []byte(`extends: gambling
owner: DSL
why: To try.
scope: {years: [7], groups: [7b-maths], when: [lesson], premises: "on"}
phrases: [{id: mo-001, text: silver spinner}]
tests: {hit: [silver spinner], miss: [spinner]}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--year", "7", "--group", "7a-art, 7B-maths", "--period", "lesson,school-day", "--premises", "on"}, "flag"},
		{[]string{"--year", "8", "--group", "7b-maths", "--period", "lesson", "--premises", "on"}, "none"},
		{[]string{"--year", "7", "--group", "7a-art", "--period", "lesson", "--premises", "on"}, "none"},
		{[]string{"--year", "7", "--group", "7b-maths", "--period", "break", "--premises", "on"}, "none"},
		{[]string{"--year", "7", "--group", "7b-maths", "--period", "lesson", "--premises", "off"}, "none"},
		{[]string{"--year", "7", "--group", "7b-maths"}, "flag"}, // where and when is not known
	} {
		code, out, stderr := ask(t, "search\ts1lver sp1nner\n", append([]string{"judge", "--rules", dir}, c.args...)...)
		if code != 0 {
			t.Fatalf("%v: status %d, %s", c.args, code, stderr)
		}
		type line struct {
			Verdict string
			ReadAs  string `json:"read_as"`
		}
		v := decodeLines[line](t, out)[0]
		if v.Verdict != c.want || c.want == "flag" && v.ReadAs != "silver spinner" {
			t.Errorf("%v: %+v, want %s", c.args, v, c.want)
		}
	}
	for _, wrong := range [][]string{{"--premises", "home"}, {"--year", "x"}, {"--year", "14"}, {"--period", "lessons"}, {"--role", "king"}} {
		if code, _, stderr := ask(t, "", append([]string{"judge", "--rules", dir}, wrong...)...); code != 2 || !strings.Contains(stderr, wrong[1]) {
			t.Errorf("%v: status %d, %q", wrong, code, stderr)
		}
	}
}
