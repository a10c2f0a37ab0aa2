//go:build unix

package localstate_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"safelight/internal/localstate"
)

// lockEnv makes the test binary a second process that takes a folder's lock.
const lockEnv = "SAFELIGHT_TEST_LOCK"

func TestMain(m *testing.M) {
	if dir := os.Getenv(lockEnv); dir != "" {
		if _, err := localstate.Lock(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("locked")
		_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

// shortDir is a folder whose path leaves room for a socket's name.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sl") //nolint:usetesting // t.TempDir is too long for a socket
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestASecondProcessIsKeptOutUntilTheFirstIsKilled(t *testing.T) {
	dir := t.TempDir()
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), lockEnv+"="+dir)
	_, err := other.StdinPipe()
	must(t, err)
	out, err := other.StdoutPipe()
	must(t, err)
	must(t, other.Start())
	said, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	if said != "locked\n" {
		t.Fatalf("the other process said %q", said)
	}
	_, err = localstate.Lock(dir)
	if !errors.Is(err, localstate.ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
	wantError(t, err, dir, "stop it first")
	must(t, other.Process.Kill())
	_ = other.Wait()
	unlock, err := localstate.Lock(dir)
	must(t, err)
	unlock()
}

func TestALockIsTakenOnceAndGivenBack(t *testing.T) {
	dir := t.TempDir()
	unlock, err := localstate.Lock(dir)
	must(t, err)
	if _, err := localstate.Lock(dir); !errors.Is(err, localstate.ErrInUse) {
		t.Errorf("the same process took it twice: %v", err)
	}
	unlock()
	unlock, err = localstate.Lock(dir)
	must(t, err)
	unlock()
}

func TestALockInAFolderThatIsNotThereSaysWhere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	_, err := localstate.Lock(dir)
	wantError(t, err, "locking "+dir)
}

func TestASocketThatAKilledProcessLeftIsReplaced(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	left.SetUnlinkOnClose(false)
	must(t, left.Close())
	if _, err := localstate.Dial(path); !errors.Is(err, localstate.ErrNotRunning) {
		t.Errorf("dialling what a killed process left: %v, want ErrNotRunning", err)
	}
	l, err := localstate.Listen(path)
	must(t, err)
	defer l.Close()
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %04o, want 0600", info.Mode().Perm())
	}
	c, err := localstate.Dial(path)
	must(t, err)
	defer c.Close()
	server, err := l.Accept()
	must(t, err)
	defer server.Close()
	if got := localstate.Peer(server); got != localstate.Self() {
		t.Errorf("the peer is %q, want %q", got, localstate.Self())
	}
}

func TestNobodyIsAskedWhereNothingRuns(t *testing.T) {
	dir := shortDir(t)
	for name, path := range map[string]string{
		"no socket": filepath.Join(dir, "s"), "no folder": filepath.Join(dir, "none", "s"),
	} {
		if _, err := localstate.Dial(path); !errors.Is(err, localstate.ErrNotRunning) {
			t.Errorf("%s: %v, want ErrNotRunning", name, err)
		}
	}
}

func TestASocketWithTooLongAPathSaysWhatToDo(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	_, err := localstate.Listen(path)
	wantError(t, err, path, "103", "shorter --dir")
}

func TestASocketIsNotPutInPlaceOfAFullFolder(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	must(t, os.MkdirAll(filepath.Join(path, "precious"), 0o700))
	if _, err := localstate.Listen(path); err == nil {
		t.Error("a folder was replaced")
	}
}

func TestAFolderThatOthersMayEnterIsRefused(t *testing.T) {
	for _, mode := range []os.FileMode{0o710, 0o701, 0o750, 0o755, 0o777} {
		dir := filepath.Join(t.TempDir(), "state")
		must(t, os.Mkdir(dir, mode))
		must(t, os.Chmod(dir, mode)) // whatever the umask
		wantError(t, localstate.MakeDir(dir), dir, "others may enter it", "chmod 700")
	}
}

func TestANewFolderIsTheOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	must(t, localstate.MakeDir(dir))
	must(t, localstate.MakeDir(dir)) // and again
	info, err := os.Stat(dir)
	must(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("mode %04o, want 0700", info.Mode().Perm())
	}
}

func TestAFileInTheFoldersPlaceIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	must(t, os.WriteFile(path, nil, 0o600))
	wantError(t, localstate.MakeDir(path), path)
}

func TestTheFlagComesBeforeTheEnvironmentAndThatBeforeTheSystem(t *testing.T) {
	t.Setenv("SAFELIGHT_DIR", "/from/environment")
	for _, c := range []struct{ flag, env, want string }{
		{"/from/flag", "/from/environment", "/from/flag"},
		{"", "/from/environment", "/from/environment"},
		{"", "", "safelight-agent"},
	} {
		t.Setenv("SAFELIGHT_DIR", c.env)
		got, err := localstate.Dir(c.flag, "agent")
		must(t, err)
		if !strings.HasSuffix(got, c.want) && !strings.Contains(got, "Safelight") {
			t.Errorf("flag %q, environment %q: %q", c.flag, c.env, got)
		}
		if !filepath.IsAbs(got) {
			t.Errorf("%q is not absolute", got)
		}
	}
}
