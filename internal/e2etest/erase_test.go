package e2etest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"safelight/internal/trialschool"
)

// An erased person stays unreadable in a backup of before, opened on another
// machine with the recovery key after the server is lost; everybody else reads.
func TestG13ErasedInABackupOfBeforeThoughTheServerIsLost(t *testing.T) {
	s := newSchool(t)
	ctx := t.Context()
	log := filepath.Join(s.Dir, "access.log")
	check(t, os.WriteFile(log, nil, 0o600))
	agent, collector := startSchool(t, s, log)
	roster := filepath.Join(s.Dir, "more.csv")
	check(t, os.WriteFile(roster, []byte("account,name,role,year\n"+canaryPerson+","+canaryCalled+",pupil,9\ndemo.pupil,Demo Pupil,pupil,9\n"), 0o600))
	must[[]byte](t)(s.Verb(ctx, "roster", "import", roster))
	appendLine(t, log, canarySite, canaryPerson)
	appendLine(t, log, "n1.flagged.example", "demo.pupil")
	untilStored(t, s, canarySite)
	untilStored(t, s, "n1.flagged.example")
	backups := filepath.Join(s.Dir, "backups")
	check(t, os.Mkdir(backups, 0o700))
	old := filepath.Join(backups, "old.safelight-backup")
	must[[]byte](t)(s.Verb(ctx, "backup", old))
	before := must[[]byte](t)(os.ReadFile(keyringIn(t, backups)))

	out := must[[]byte](t)(s.Verb(ctx, "subject", "erase", canaryPerson, "--as", trialschool.DSLName, "--reason", "Asked for"))
	if !strings.Contains(string(out), keyringIn(t, backups)) || strings.Contains(string(out), canaryPerson) {
		t.Errorf("it says %s", out)
	}
	if now := must[[]byte](t)(os.ReadFile(keyringIn(t, backups))); bytes.Equal(now, before) {
		t.Error("the keyring beside the backup is the one of before")
	}
	showsOnlyTheOther(t, s)
	check(t, agent.Stop())
	check(t, collector.Stop())

	safe := filepath.Join(s.Dir, "safe")
	check(t, os.Mkdir(safe, 0o700))
	for _, key := range []string{"recovery.txt", "recovery.key"} {
		check(t, os.Rename(filepath.Join(s.CollectorDir(), key), filepath.Join(safe, key)))
	}
	check(t, os.RemoveAll(s.CollectorDir())) // the server is lost
	restore := func(args ...string) error {
		check(t, os.RemoveAll(s.CollectorDir()))
		_, err := trialschool.Once(ctx, s.Collector, append([]string{"restore", old, "--recovery-key", filepath.Join(safe, "recovery.txt"), "--dir", s.CollectorDir()}, args...)...)
		return err
	}
	check(t, restore())
	showsOnlyTheOther(t, s)

	// What no keyring can undo, and the page says: the one of before opens it.
	kept := filepath.Join(s.Dir, "kept.safelight-keyring")
	check(t, os.WriteFile(kept, before, 0o600))
	check(t, restore("--keyring", kept))
	if all := must[[]stored](t)(events(ctx, s)); len(all) != 2 || all[0].Name == "" || all[1].Name == "" {
		t.Errorf("with the keyring of before: %+v", all)
	}
	check(t, os.Remove(keyringIn(t, backups)))
	if err := restore(); err == nil || !strings.Contains(err.Error(), "--keyring") {
		t.Errorf("without a keyring: %v", err)
	}
	check(t, restore("--keyring", "none"))
	if all := must[[]stored](t)(events(ctx, s)); len(all) != 2 || all[0].Name+all[1].Name != "" {
		t.Errorf("with none: %+v", all)
	}
}

func keyringIn(t *testing.T, folder string) string {
	t.Helper()
	found := must[[]string](t)(filepath.Glob(filepath.Join(folder, "keyring-*.safelight-keyring")))
	if len(found) != 1 {
		t.Fatalf("keyrings beside the backup: %v", found)
	}
	return found[0]
}

func showsOnlyTheOther(t *testing.T, s *trialschool.School) {
	t.Helper()
	all := must[[]stored](t)(events(t.Context(), s))
	var names []string
	for _, e := range all {
		names = append(names, e.Name)
	}
	if len(all) != 2 || strings.Join(names, "") != "n1.flagged.example" {
		t.Errorf("events of %q, want two, the other pupil's with its name", names)
	}
	for _, p := range under(t, "collector", s.CollectorDir()) {
		if bytes.Contains(bytes.ToLower(p.data), []byte("canary")) {
			t.Errorf("%s holds a canary", p.name)
		}
	}
}
