//go:build unix

package pki_test

import (
	"os"
	"path/filepath"
	"testing"

	"safelight/internal/pki"
)

func TestAKeyThatOthersMayReadIsFoundWhereverItLies(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "ca", "next")
	must(t, os.MkdirAll(deep, 0o700))
	for _, path := range []string{filepath.Join(dir, "policy.key"), filepath.Join(dir, "ca", "root-old.key"), filepath.Join(deep, "device.key")} {
		must(t, pki.SaveKey(path, newKey(t)))
		must(t, pki.CheckKeys(dir))
		for _, mode := range []os.FileMode{0o640, 0o604, 0o666} {
			must(t, os.Chmod(path, mode))
			wantError(t, pki.CheckKeys(dir), path, "others may read it")
		}
		must(t, os.Chmod(path, 0o600))
	}
	wantError(t, pki.CheckKeys(filepath.Join(dir, "none")), "none")
}

func TestASecretElsewhereThatOthersMayReadIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "console.pem")
	wantError(t, pki.CheckSecret(path), path)
	must(t, os.WriteFile(path, []byte("key"), 0o600))
	must(t, pki.CheckSecret(path))
	must(t, os.Chmod(path, 0o640))
	wantError(t, pki.CheckSecret(path), path, "others may read it")
}
