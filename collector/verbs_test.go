package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"safelight/collector/store"
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
		"events": 2, "alerts --as": 2, "alerts --as x --since soon": 2, "token create --uses many": 2, "token list now": 2, "token end": 2, "token end a b": 2,
		"device revoke": 2, "device revoke x --copies-of y": 2, "device revoke x --itself": 2, "device revoke --dry-run": 2, "device import": 2, "device expect": 2, "device split x": 2, "device split --more 3": 2, "device expect --kind guest": 2, "coverage now": 2, "user disable": 2, "roster import": 2, "rules check": 2, "rules unpack": 2, "rules publish packs": 2,
		"serve --dir " + gone: 1, "device list --dir " + gone: 1, "coverage --dir " + gone: 1, "token list --dir " + gone: 1, "token end x --dir " + gone: 1, "events --as x --dir " + gone: 1,
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

// A token that was made before public_url was set is typed three hundred times.
func TestATokenSaysWhereDevicesWillLookForTheCollector(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "school")
	if code, _, stderr := ask(t, "init", "--dir", dir); code != 0 {
		t.Fatal(stderr)
	}
	const itself = "is the device itself: set public_url"
	for url, want := range map[string]string{"https://localhost:8443": "at localhost:7443. On a device localhost " + itself, "https://collector.school.example:8443": "at collector.school.example:7443.\n"} {
		if err := os.WriteFile(filepath.Join(dir, "collector.yaml"), []byte("public_url: "+url+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, stderr := ask(t, "token", "create", "--dir", dir)
		if code != 0 || !strings.Contains(out, "Devices look for the collector "+want) {
			t.Errorf("%s: status %d, %q %q; want %q in it", url, code, out, stderr, want)
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

func TestAuditVerbs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "school")
	run := func(want int, args ...string) (string, string) {
		t.Helper()
		code, out, stderr := ask(t, append(args, "--dir", dir)...)
		if code != want || want == 1 && (out != "" || strings.Count(stderr, "\n") != 1) {
			t.Fatalf("%v: status %d, printed %q, %q; want status %d", args, code, out, stderr, want)
		}
		return out, stderr
	}
	run(0, "init")
	run(0, "user", "add", "--name", "Demo DSL", "--email", "dsl@school.example", "--duty", "dsl")
	if out, _ := run(0, "audit", "verify"); !strings.Contains(out, "whole: 3 records") || !strings.Contains(out, "safelight/audit/school\n3\n") {
		t.Errorf("verify says %q", out)
	}
	file := filepath.Join(t.TempDir(), "record.jsonl")
	if _, stderr := run(1, "audit", "export", file, "--as", "Nobody"); !strings.Contains(stderr, "nobody signs in like this") {
		t.Errorf("as nobody: %q", stderr)
	}
	checkpoint, _ := run(0, "audit", "export", file, "--as", "Demo DSL")
	exported, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(exported), `"leaf"`); n != 4 || !strings.Contains(string(exported), "read.audit") || !strings.HasPrefix(checkpoint, "safelight/audit/school\n4\n") {
		t.Errorf("%d records exported, checkpoint %q", n, checkpoint)
	}
	if _, stderr := run(1, "audit", "export", file, "--as", "Demo DSL"); !strings.Contains(stderr, "is there already") {
		t.Errorf("over a file: %q", stderr)
	}
	kept := filepath.Join(t.TempDir(), "kept.txt")
	if err := os.WriteFile(kept, []byte(checkpoint), 0o600); err != nil {
		t.Fatal(err)
	}
	run(0, "audit", "verify", "--checkpoint", kept)
	run(0, "audit", "erase", "2", "--as", "Demo DSL", "--reason", "a test")
	if out, _ := run(0, "audit", "verify", "--checkpoint", kept); !strings.Contains(out, "1 of them erased, leaves intact") {
		t.Errorf("verify says %q", out)
	}
	edit(t, dir, `UPDATE audit_records SET salt = x'00' WHERE idx = 3`)
	if _, stderr := run(1, "audit", "verify"); !strings.Contains(stderr, "the record is not whole: record 3 does not match its leaf") {
		t.Errorf("verify says %q", stderr)
	}
	if err := os.WriteFile(kept, []byte("a note"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr := run(1, "audit", "verify", "--checkpoint", kept); !strings.Contains(stderr, kept) || !strings.Contains(stderr, "and 1 more") {
		t.Errorf("verify says %q", stderr)
	}
	run(2, "audit", "erase", "one", "--as", "Demo DSL", "--reason", "a test")
	run(2, "audit", "export", file)
}

// After an honest restore the record is shorter than a checkpoint that somebody
// kept. A person accepts that, with the recovery key, and verify says so.
func TestARestoreIsAcceptedWithTheRecoveryKeyAndSaidEverAfter(t *testing.T) {
	top := t.TempDir()
	dir, safe, restored := filepath.Join(top, "school"), filepath.Join(top, "safe"), filepath.Join(top, "restored")
	run := func(want int, in string, args ...string) string {
		t.Helper()
		code, out, stderr := ask(t, append(args, "--dir", in)...)
		if code != want {
			t.Fatalf("%v: status %d, printed %q, %q; want status %d", args, code, out, stderr, want)
		}
		return out + stderr
	}
	run(0, dir, "init")
	run(0, dir, "user", "add", "--name", "Demo DSL", "--email", "dsl@school.example", "--duty", "dsl")
	run(0, dir, "user", "add", "--name", "Demo IT", "--email", "it@school.example", "--duty", "it")
	if err := os.Mkdir(safe, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"recovery.txt", "recovery.key"} {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(safe, name)); err != nil {
			t.Fatal(err)
		}
	}
	file, kept := filepath.Join(top, "monday.safelight-backup"), filepath.Join(top, "kept.txt")
	run(0, dir, "backup", file)
	for range 5 {
		run(0, dir, "user", "list")
	}
	if err := os.WriteFile(kept, []byte(run(0, dir, "audit", "export", filepath.Join(top, "record.jsonl"), "--as", "Demo DSL")), 0o600); err != nil {
		t.Fatal(err)
	}
	run(0, restored, "restore", file, "--recovery-key", filepath.Join(safe, "recovery.txt"))
	for range 20 { // it grows beyond what was lost
		run(0, restored, "user", "list")
	}
	if out := run(0, restored, "audit", "verify"); !strings.Contains(out, "not accepted by anybody yet") {
		t.Errorf("verify says %q", out)
	}
	if out := run(1, restored, "audit", "verify", "--checkpoint", kept); !strings.Contains(out, "audit accept-restore") || !strings.Contains(out, "another root") {
		t.Errorf("verify says %q", out)
	}
	accept := []string{"audit", "accept-restore", "--reason", "The disk failed", "--as"}
	if out := run(1, restored, append(accept, "Demo DSL")...); !strings.Contains(out, "--recovery") {
		t.Errorf("without the recovery key: %q", out)
	}
	accept = append(accept[:len(accept)-1], "--recovery", filepath.Join(safe, "recovery.key"), "--as")
	if out := run(1, restored, append(accept, "Demo IT")...); !strings.Contains(out, "the duty") {
		t.Errorf("by IT: %q", out)
	}
	run(2, restored, "audit", "accept-restore", "--as", "Demo DSL")
	run(0, restored, append(accept, "Demo DSL")...)
	out := run(0, restored, "audit", "verify", "--checkpoint", kept)
	if !strings.Contains(out, "A restore on ") || !strings.Contains(out, "(The disk failed): records after checkpoint 5 of the old tree are missing (7 records") || !strings.Contains(out, "recovery key ") {
		t.Errorf("verify says %q", out)
	}
}

// edit changes the database behind the collector's back.
func edit(t *testing.T, dir, statement string) {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(dir, "safelight.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.DB().Exec(statement); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
