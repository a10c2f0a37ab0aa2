package backup_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"safelight/collector/backup"
)

func TestAKeyringReplacesTheOneBeforeAndLeavesNothingOfIt(t *testing.T) {
	h := newHouse(t, t.TempDir())
	folder := t.TempDir()
	var path string
	for _, text := range []string{"first keys", "second keys"} {
		name, sealed, err := backup.SealKeyring(h.dir, []byte(text))
		must(t, err)
		if bytes.Contains(sealed, []byte(text)) {
			t.Fatal("the keyring can be read")
		}
		path, err = backup.WriteKeyring(folder, name, sealed)
		must(t, err)
		if found := backup.FindKeyring(filepath.Join(folder, "x.safelight-backup"), h.key(t)); found != path {
			t.Fatalf("looked for at %s, written to %s", found, path)
		}
		plain, err := backup.OpenKeyring(path, h.key(t))
		must(t, err)
		if string(plain) != text {
			t.Errorf("it reads %q", plain)
		}
	}
	entries, err := os.ReadDir(folder)
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	other, _, err := backup.NewReader()
	must(t, err)
	if _, err := backup.OpenKeyring(path, other); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("another school's key: %v", err)
	}
	must(t, os.Truncate(path, 100))
	if _, err := backup.OpenKeyring(path, h.key(t)); err == nil {
		t.Error("a cut keyring was taken")
	}
	if _, err := backup.WriteKeyring(filepath.Join(folder, "none"), "k", []byte("x")); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("into a folder that is not there: %v", err)
	}
}

func TestPlacesOfKeyringsAreRememberedOnce(t *testing.T) {
	dir, one, two := t.TempDir(), filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	for _, place := range []string{one, two, one} {
		must(t, backup.AddPlace(dir, place))
	}
	places, err := backup.Places(dir)
	must(t, err)
	if strings.Join(places, " ") != one+" "+two {
		t.Errorf("places = %q", places)
	}
	for _, bad := range []string{"", "relative", one + "\nother"} {
		if backup.AddPlace(dir, bad) == nil {
			t.Errorf("%q was remembered", bad)
		}
	}
}
