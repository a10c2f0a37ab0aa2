package about

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The service runs with a umask of 0077.
func TestD20EverybodyReadsTheCopyAndNobodyElseWritesIt(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: needs root, to be somebody else")
	}
	defer syscall.Umask(syscall.Umask(0o077))
	dir, err := os.MkdirTemp("", "sl-about-") //nolint:usetesting // t.TempDir lies in a folder that others may not enter under this umask
	must(t, err)
	defer os.RemoveAll(dir)
	must(t, os.Chmod(dir, 0o755))
	k, s := NewKeeper(filepath.Join(dir, "secret"), filepath.Join(dir, "public")), larkmoor()
	must(t, k.Take(t.Context(), s.args("https://a.example"), s.fetch))
	as := func(name string, args ...string) (string, error) {
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, file := range []string{"about.txt", "about.html", "address"} {
		public := filepath.Join(k.Public(), file)
		if out, err := as("/bin/cat", public); err != nil || out == "" {
			t.Errorf("%s cannot be read: %v %s", file, err, out)
		}
		for _, way := range [][]string{{"/bin/rm", "-f", public}, {"/bin/cp", "/dev/null", public}, {"/bin/cat", filepath.Join(k.own, file)}} {
			if out, err := as(way[0], way[1:]...); err == nil || !strings.Contains(out, "ermission denied") {
				t.Errorf("%v: %v %s", way, err, out)
			}
		}
	}
}
