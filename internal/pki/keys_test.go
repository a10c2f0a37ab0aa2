package pki_test

import (
	"bytes"
	"crypto"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"safelight/internal/pki"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := pki.NewKey()
	must(t, err)
	return key
}

func samePublic(t testing.TB, a, b crypto.Signer) bool {
	t.Helper()
	x, err := pki.KeyHash(a.Public())
	must(t, err)
	y, err := pki.KeyHash(b.Public())
	must(t, err)
	return x == y
}

func TestAKeySurvivesBeingSavedAndLoaded(t *testing.T) {
	for name, create := range map[string]func() (crypto.Signer, error){"certificates": pki.NewKey, "policy": pki.NewPolicyKey} {
		path := filepath.Join(t.TempDir(), "a.key")
		made, err := pki.LoadOrMakeKey(path, create)
		must(t, err)
		again, err := pki.LoadOrMakeKey(path, func() (crypto.Signer, error) { panic("a key that is there was made anew") })
		must(t, err)
		if !samePublic(t, made, again) {
			t.Errorf("%s: another key came back", name)
		}
		info, err := os.Stat(path)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %04o, want 0600", name, info.Mode().Perm())
		}
	}
}

func TestAKeyFileThatOthersCanReadIsRefused(t *testing.T) {
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o602, 0o644, 0o666} {
		path := filepath.Join(t.TempDir(), "a.key")
		must(t, pki.SaveKey(path, newKey(t)))
		must(t, os.Chmod(path, mode))
		_, err := pki.LoadKey(path)
		wantError(t, err, "others may read it", "chmod 600")
		if _, err := pki.LoadOrMakeKey(path, func() (crypto.Signer, error) { panic("the exposed key was replaced") }); err == nil {
			t.Errorf("mode %04o: LoadOrMakeKey took it", mode)
		}
	}
}

func TestSaveKeyNeverOverwrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.key")
	first := newKey(t)
	must(t, pki.SaveKey(path, first))
	wantError(t, pki.SaveKey(path, newKey(t)), "it is there already")
	kept, err := pki.LoadKey(path)
	must(t, err)
	if !samePublic(t, first, kept) {
		t.Error("the first key is gone")
	}
}

func TestSaveKeyDoesNotFollowALinkThatLeadsNowhere(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(dir, "a.key")))
	wantError(t, pki.SaveKey(filepath.Join(dir, "a.key"), newKey(t)), "it is there already")
	if _, err := os.Lstat(filepath.Join(dir, "elsewhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the key was written where the link led")
	}
}

func TestADamagedKeyIsRefusedAndKept(t *testing.T) {
	for name, content := range map[string]string{
		"empty":             "",
		"no PEM":            "what is this",
		"another PEM block": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"broken PKCS #8":    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	} {
		path := filepath.Join(t.TempDir(), "a.key")
		must(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := pki.LoadOrMakeKey(path, func() (crypto.Signer, error) { panic("a damaged key was replaced") })
		wantError(t, err, "reading key "+path)
		after, err := os.ReadFile(path)
		must(t, err)
		if string(after) != content {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestAMissingKeySaysSo(t *testing.T) {
	_, err := pki.LoadKey(filepath.Join(t.TempDir(), "none.key"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want one that is fs.ErrNotExist", err)
	}
}

func TestASecretIsReplacedWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	must(t, pki.WriteSecret(path, bytes.Repeat([]byte("old"), 1000)))
	must(t, pki.WriteSecret(path, []byte("new")))
	got, err := pki.ReadSecret(path)
	must(t, err)
	if string(got) != "new" {
		t.Errorf("got %d bytes", len(got))
	}
}
