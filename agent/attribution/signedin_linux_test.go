package attribution

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestG19WhoIsSignedInIsSaidOfPeopleAloneAndNeverGuessed(t *testing.T) {
	root := t.TempDir()
	if who, err := SignedIn(root); err == nil {
		t.Errorf("without logind %v are said to be signed in", who)
	}
	dir := filepath.Join(root, "run/systemd/sessions")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if who, err := SignedIn(root); err == nil {
		t.Errorf("by a folder that a logind left behind %v are said to be signed in", who)
	}
	bare{t, root}.logind("0 0 0 0")
	if who, err := SignedIn(root); err != nil || len(who) != 0 {
		t.Errorf("nobody is signed in: %v, %v", who, err)
	}
	for name, text := range map[string]string{
		"2":     "UID=1001\nUSER=dp14\nCLASS=user\nSTATE=active\nREMOTE=0\n",
		"5":     "UID=1002\nUSER=test.pupil\nCLASS=user-early\nSTATE=online\nREMOTE=1\n",
		"c1":    "UID=110\nUSER=gdm\nCLASS=greeter\nSTATE=active\n",
		"7":     "UID=1003\nUSER=gone\nCLASS=user\nSTATE=closing\n",
		"8":     "UID=1004\nUSER=manager\nCLASS=manager\nSTATE=active\n",
		"9":     "UID=1005\nCLASS=user\nSTATE=active\n",
		"2.ref": "not a session",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	who, err := SignedIn(root)
	slices.Sort(who)
	if err != nil || !slices.Equal(who, []string{"dp14", "test.pupil", "uid 1005"}) {
		t.Errorf("signed in: %q, %v", who, err)
	}
}
