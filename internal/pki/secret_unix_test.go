//go:build unix

package pki_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"safelight/internal/pki"
)

// writeEnv makes the test binary a process whose disk ends after a few bytes.
const writeEnv = "SAFELIGHT_TEST_WRITE_SECRET"

func TestMain(m *testing.M) {
	if path := os.Getenv(writeEnv); path != "" {
		os.Exit(writeOnAFullDisk(path))
	}
	os.Exit(m.Run())
}

func writeOnAFullDisk(path string) int {
	signal.Ignore(unix.SIGXFSZ)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 4096, Max: 4096}); err != nil {
		fmt.Println("limiting file size:", err)
		return 2
	}
	if err := pki.WriteSecret(path, bytes.Repeat([]byte("new"), 100_000)); err == nil {
		fmt.Println("the write did not fail")
		return 2
	}
	return 0
}

func TestAHalfWrittenSecretLeavesTheOldOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	must(t, pki.WriteSecret(path, []byte("old")))
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writeEnv+"="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got, err := pki.ReadSecret(path)
	must(t, err)
	if string(got) != "old" {
		t.Errorf("got %d bytes, want the old ones", len(got))
	}
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("the half stayed behind: %v", entries)
	}
}

// What a power cut leaves is a temporary file beside the real one.
func TestAWriterThatWasKilledDisturbsNobody(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.key")
	key := newKey(t)
	must(t, os.WriteFile(filepath.Join(dir, ".a.key.123"), []byte("-----BEGIN PRIV"), 0o600))
	must(t, pki.SaveKey(path, key))
	loaded, err := pki.LoadKey(path)
	must(t, err)
	if !samePublic(t, key, loaded) {
		t.Error("another key came back")
	}
}

func TestASecretIsNeverReadableByOthersNotEvenUnderAWideUmask(t *testing.T) {
	defer unix.Umask(unix.Umask(0))
	path := filepath.Join(t.TempDir(), "secret")
	must(t, pki.WriteSecret(path, []byte("x")))
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %04o, want 0600", info.Mode().Perm())
	}
}
