package backup_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"safelight/collector/backup"
	"safelight/internal/localstate"
)

func TestAKeyringReplacesTheOneBeforeAndLeavesNothingOfIt(t *testing.T) {
	h := newHouse(t, t.TempDir())
	folder := t.TempDir()
	var path string
	for i, text := range []string{"first keys", "second keys"} {
		name, sealed, err := backup.SealKeyring(h.dir, backup.Version{Epoch: int64(i)}, []byte(text))
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
	if left := besideKeyring(t, path); len(left) != 0 {
		t.Errorf("left behind: %v", left)
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

// besideKeyring lists what else lies in a keyring's folder, but the empty lock.
func besideKeyring(t *testing.T, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	for _, e := range entries {
		if e.Name() != filepath.Base(path) && !strings.HasPrefix(e.Name(), ".lock-") {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestAnOlderKeyringReplacesNoNewerOne(t *testing.T) {
	h, folder := newHouse(t, t.TempDir()), t.TempDir()
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	put := func(epoch int64, taken time.Time) (path string, err error) {
		name, sealed, err := backup.SealKeyring(h.dir, backup.Version{Epoch: epoch, Taken: taken}, []byte(fmt.Sprint(epoch, taken)))
		must(t, err)
		return backup.WriteKeyring(folder, name, sealed)
	}
	path, err := put(2, at)
	must(t, err)
	for name, older := range map[string]backup.Version{"epoch": {Epoch: 1, Taken: at.Add(time.Hour)}, "moment": {Epoch: 2, Taken: at.Add(-time.Second)}} {
		if _, err := put(older.Epoch, older.Taken); !errors.Is(err, backup.ErrNewer) {
			t.Errorf("an older %s: %v", name, err)
		}
	}
	plain, err := backup.OpenKeyring(path, h.key(t))
	must(t, err)
	if string(plain) != fmt.Sprint(2, at) {
		t.Errorf("it reads %q", plain)
	}
	_, err = put(3, at.Add(-time.Hour)) // an erasure, by a clock that was put right
	must(t, err)
	unlock, err := localstate.LockFile(filepath.Join(folder, ".lock-"+filepath.Base(path)))
	must(t, err)
	defer unlock()
	if _, err := put(4, at); !errors.Is(err, localstate.ErrInUse) {
		t.Errorf("two at once: %v", err)
	}
}

// Killed between any two steps: a keyring is there, and the next one leaves nothing
// of what was.
func TestAKeyringWhoseReplacingWasCutShortIsThere(t *testing.T) {
	h := newHouse(t, t.TempDir())
	for name, cut := range map[string]func(path, former, next string) error{
		"written":                   func(_, _, next string) error { return os.WriteFile(next, []byte("x"), 0o600) },
		"linked":                    func(path, former, _ string) error { return os.Link(path, former) },
		"put aside, no hard links":  func(path, former, _ string) error { return os.Rename(path, former) },
		"replaced, not overwritten": func(_, former, _ string) error { return os.WriteFile(former, []byte("x"), 0o600) },
	} {
		folder := t.TempDir()
		write := func(epoch int64) string {
			file, sealed, err := backup.SealKeyring(h.dir, backup.Version{Epoch: epoch}, []byte(fmt.Sprint("keys ", epoch)))
			must(t, err)
			path, err := backup.WriteKeyring(folder, file, sealed)
			must(t, err)
			return path
		}
		path := write(5)
		hidden := filepath.Join(folder, "."+filepath.Base(path))
		must(t, cut(path, hidden+".former", hidden+".31415"))
		found := backup.FindKeyring(filepath.Join(folder, "x.safelight-backup"), h.key(t))
		if plain, err := backup.OpenKeyring(found, h.key(t)); err != nil || string(plain) != "keys 5" {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
		if left := besideKeyring(t, write(6)); len(left) != 0 {
			t.Errorf("%s: left behind: %v", name, left)
		}
	}
}
