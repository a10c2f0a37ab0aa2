package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"safelight/internal/cli"
)

// ask types a command.
func ask(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errw bytes.Buffer
	env := cli.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errw}
	code = cli.Run(context.Background(), env, "safelight-collector", "", verbs(), args)
	return code, out.String(), errw.String()
}

func TestWrongUsageIsStatusTwoAndFailureOneLine(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone")
	for args, want := range map[string]int{
		"nonsense": 2, "device": 2, "version now": 2, "service status now": 2, "init now": 2, "serve --log loud": 2,
		"events": 2, "alerts --as": 2, "alerts --as x --since soon": 2, "token create --uses many": 2,
		"device revoke": 2, "user disable": 2, "roster import": 2, "rules check": 2, "rules publish packs": 2,
		"serve --dir " + gone: 1, "device list --dir " + gone: 1, "events --as x --dir " + gone: 1,
		"roster import " + gone: 1, "rules check " + gone: 1, "rules publish " + gone + " --as x --reason y": 1,
	} {
		code, out, stderr := ask(t, strings.Fields(args)...)
		if code != want || out != "" || stderr == "" {
			t.Errorf("%s: status %d, printed %q, %q; want status %d and a reason", args, code, out, stderr, want)
		}
		if want == 1 && strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: more than a line: %q", args, stderr)
		}
	}
}

func TestG03PrintingPeopleNeedsSomebodyWhoLooks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "school")
	if code, _, stderr := ask(t, "init", "--dir", dir); code != 0 {
		t.Fatal(stderr)
	}
	for _, verb := range []string{"events", "alerts"} {
		if code, out, stderr := ask(t, verb, "--dir", dir); code != 2 || out != "" || !strings.Contains(stderr, "--as") {
			t.Errorf("%s without --as: status %d, printed %q, %q", verb, code, out, stderr)
		}
		if code, out, stderr := ask(t, verb, "--dir", dir, "--as", "Nobody", "--json"); code != 1 || out != "" || !strings.Contains(stderr, "nobody signs in like this") {
			t.Errorf("%s as nobody: status %d, printed %q, %q", verb, code, out, stderr)
		}
	}
}

func TestEveryVerbHasHelpWithAnExample(t *testing.T) {
	for _, v := range verbs() {
		code, out, _ := ask(t, append(strings.Fields(v.Name), "--help")...)
		if _, example, ok := strings.Cut(out, "Example:\n"); code != 0 || !ok || !strings.Contains(example, "safelight-collector "+v.Name) {
			t.Errorf("%s: status %d, help %q", v.Name, code, out)
		}
	}
}
