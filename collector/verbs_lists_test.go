package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/cli"
)

func TestAListsProgressIsABarOnATerminalAndLinesElsewhere(t *testing.T) {
	steps := []model.ListStep{{Phase: "reading", Of: 100}, {Phase: "reading", Done: 55, Of: 100}, {Phase: "reading", Done: 58, Of: 100}, {Phase: "storing", Done: 7}, {Phase: "storing", Done: 100, Of: 100}}
	for terminal, want := range map[bool]string{
		false: "reading: 0 %\nreading: 50 %\nstoring: 100 %\n",
		true: "\rreading   [" + strings.Repeat(" ", 40) + "]   0 %\rreading   [" + strings.Repeat("#", 22) + strings.Repeat(" ", 18) + "]  55 %" +
			"\rreading   [" + strings.Repeat("#", 23) + strings.Repeat(" ", 17) + "]  58 %\n\rstoring   [" + strings.Repeat("#", 40) + "] 100 %\n",
	} {
		var out bytes.Buffer
		bar := &listBar{out: &out, terminal: terminal}
		for _, s := range steps {
			bar.step(s)
		}
		bar.end()
		if got := out.String(); got != want {
			t.Errorf("terminal %v:\n%q\nwant\n%q", terminal, got, want)
		}
	}
}

func TestWhatCameOfAListIsSaidWithItsSummary(t *testing.T) {
	answer := `{"step":{"phase":"reading","done":1,"of":1}}
{"list":"bets","result":{"list":"bets","outcome":"updated","version":3,"names":10,"was":9,"added":2,"removed":1,"summary":{"lines":14,"names":10,"duplicates":1,"excepted":1,"skipped":[{"reason":"a helpline","count":2,"lines":[4,9]}]}}}
{"list":"dates","result":{"list":"dates","outcome":"refused","version":2,"names":1,"was":9,"why":"it has 1 name"}}
{"list":"games","failed":"its source answers 404 Not Found"}
`
	var out, progress bytes.Buffer
	if err := sayLists(cli.Env{Stdout: &out, Stderr: &progress}, io.NopCloser(strings.NewReader(answer)), false); err != nil {
		t.Fatal(err)
	}
	const want = `bets: version 3, 10 names (9 before; 2 new, 1 gone)
  14 lines, 10 names, 1 twice
  1 taken out by the list's own exceptions
  left out: 2, a helpline (lines 4 9)
dates: not taken: it has 1 name
games: failed: its source answers 404 Not Found
`
	if out.String() != want || progress.String() != "reading: 100 %\n" {
		t.Errorf("said:\n%s%s", &out, &progress)
	}
	if err := sayLists(cli.Env{Stdout: &out, Stderr: &progress}, io.NopCloser(strings.NewReader("nonsense\n")), false); err == nil {
		t.Error("an answer that is none was taken for one")
	}
}

func TestAnAgeIsSaidAsPeopleSayIt(t *testing.T) {
	for old, want := range map[time.Duration]string{5 * time.Minute: "5 minutes old", 5 * time.Hour: "5 hours old", 50 * time.Hour: "2 days old", -time.Hour: "0 minutes old"} {
		if got := age(time.Now().Add(-old)); got != want {
			t.Errorf("%s: %s", old, got)
		}
	}
	if got := age(time.Time{}); got != "-" {
		t.Errorf("never: %s", got)
	}
}

func TestTheVerbsOfListsRefuseWhatTheyCannotDo(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"lists", "import", "bets", "--dir", dir}, 2, "an id"},
		{[]string{"lists", "import", "bets", dir, "--as", "x", "--dir", dir}, 2, "no file"},
		{[]string{"lists", "import", "bets", dir + "/none", "--as", "x", "--dir", dir}, 1, "none"},
		{[]string{"lists", "import", "bets", dir + "/none", "--dir", dir}, 2, "--as"},
		{[]string{"lists", "refresh", "a", "b", "--dir", dir}, 2, "one list"},
		{[]string{"lists", "accept", "--dir", dir}, 2, "one list"},
	} {
		code, _, stderr := ask(t, c.args...)
		if code != c.code || !strings.Contains(stderr, strings.TrimPrefix(c.says, "an ")) {
			t.Errorf("%v: %d, %s", c.args, code, stderr)
		}
	}
}
