package seal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := OpenFile(path)
	must(t, err)
	return f
}

func TestSealedBytesOpenInTheirOwnPlaceOnly(t *testing.T) {
	box, place := NewBox(NewKey()), Place("events", "school", "dev-1", "1")
	sealed := box.Seal([]byte("canary"), place)
	if bytes.Contains(sealed, []byte("canary")) {
		t.Fatal("sealed bytes can be read")
	}
	if plain, err := box.Open(sealed, place); err != nil || string(plain) != "canary" {
		t.Fatalf("%q, %v", plain, err)
	}
	for name, other := range map[string][]byte{
		"another row": Place("events", "school", "dev-1", "2"), "parts shifted": Place("events", "school", "dev-", "11"),
		"another table": Place("subjects", "school", "dev-1", "1"), "none": nil,
	} {
		if _, err := box.Open(sealed, other); !errors.Is(err, ErrOpen) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewBox(NewKey()).Open(sealed, place); !errors.Is(err, ErrOpen) {
		t.Errorf("another key opened it: %v", err)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := box.Open(changed, place); !errors.Is(err, ErrOpen) {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if _, err := box.Open(sealed[:i], place); !errors.Is(err, ErrOpen) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
	if Sealed([]byte(`{"kind":"domain","name":"example.test","via":"tls"}`)) {
		t.Error("words of the time before are taken for sealed")
	}
	if bytes.Equal(sealed, box.Seal([]byte("canary"), place)) {
		t.Error("sealing the same twice shows that it is the same")
	}
}

func TestSecretsSurviveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	one := open(t, path).School("a")
	must(t, one.Begin(1))
	check, err := one.Check(1)
	must(t, err)
	if one.Hand() != nil {
		t.Error("the first epoch was handed over under nothing")
	}
	key := NewKey()
	number, wrapped, err := one.Wrap("subject", key)
	must(t, err)
	again := open(t, path).School("a")
	if got, err := again.Unwrap("subject", number, wrapped); err != nil || got != key {
		t.Errorf("%v", err)
	}
	if _, err := again.Unwrap("other", number, wrapped); !errors.Is(err, ErrOpen) {
		t.Errorf("a wrapped key moved to another subject opens: %v", err)
	}
	must(t, again.Matches(1, check))
	if again.Lookup("account", "j.doe") != one.Lookup("account", "j.doe") || again.Lookup("account", "j.doe") == again.Lookup("bare", "j.doe") {
		t.Error("lookups differ after a restart, or are the same of two kinds")
	}
}

func TestADestroyedEpochOpensNothingAndIsNotOnTheDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	s := open(t, path).School("a")
	must(t, s.Begin(1))
	before, err := os.ReadFile(path)
	must(t, err)
	watched, err := os.OpenFile(path, os.O_RDONLY, 0) // the bytes where they lie
	must(t, err)
	defer watched.Close()
	number, wrapped, err := s.Wrap("subject", NewKey())
	must(t, err)
	must(t, s.Begin(2))
	check, err := s.Check(2)
	must(t, err)
	handed := s.Hand()
	behind := open(t, filepath.Join(t.TempDir(), FileName))
	must(t, os.WriteFile(behind.path, before, 0o600))
	behind = open(t, behind.path)
	must(t, behind.School("a").Take(2, handed))
	must(t, behind.School("a").Matches(2, check))
	now, was := s.Lookups("account", "x")
	if now == was || behind.School("a").Lookup("account", "x") != now {
		t.Error("two collectors would look the same account up differently")
	}
	must(t, s.Destroy(2))
	if _, err := s.Unwrap("subject", number, wrapped); !errors.Is(err, ErrEpoch) {
		t.Errorf("after destroying: %v", err)
	}
	if _, err := open(t, path).School("a").Unwrap("subject", number, wrapped); !errors.Is(err, ErrEpoch) {
		t.Errorf("after a restart: %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	if runtime.GOOS == "windows" {
		return
	}
	s2 := open(t, path).School("a")
	must(t, s2.Begin(3))
	held, err := os.OpenFile(path, os.O_RDONLY, 0)
	must(t, err)
	defer held.Close()
	must(t, s2.Destroy(3))
	var left [4096]byte
	n, _ := held.Read(left[:])
	if len(bytes.Trim(left[:n], "\x00")) != 0 {
		t.Errorf("the former file's bytes still lie there: %d", n)
	}
}

func TestACutDestructionHarmsNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	f := open(t, path)
	must(t, f.School("a").Begin(1))
	must(t, os.Link(path, f.former())) // killed before the file was replaced
	if open(t, path).School("a").Newest() != 1 {
		t.Fatal("the secret is gone")
	}
	must(t, os.WriteFile(f.former(), []byte("former"), 0o600)) // killed after it
	if open(t, path).School("a").Newest() != 1 {
		t.Fatal("the secret is gone")
	}
	if _, err := os.Stat(f.former()); err == nil {
		t.Error("the former file is still there")
	}
}

func TestAFileThatOthersMayReadOrThatIsDamagedIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	must(t, open(t, path).School("a").Begin(1))
	if runtime.GOOS != "windows" {
		must(t, os.Chmod(path, 0o640))
		if _, err := OpenFile(path); err == nil || !strings.Contains(err.Error(), "others may read it") {
			t.Errorf("error = %v", err)
		}
		must(t, os.Chmod(path, 0o600))
	}
	for _, text := range []string{"", "{", `{"schools":{"a":[{"epoch":1,"secret":"AAAA"}]}}`, `{"schools":{"a":[{"epoch":0}]}}`} {
		must(t, os.WriteFile(path, []byte(text), 0o600))
		if _, err := OpenFile(path); err == nil || !strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: error = %v", text, err)
		}
	}
}

func TestAnotherSecretUnderTheSameNumberIsNoticed(t *testing.T) {
	one, two := open(t, filepath.Join(t.TempDir(), FileName)).School("a"), open(t, filepath.Join(t.TempDir(), FileName)).School("a")
	must(t, one.Begin(1))
	check, err := one.Check(1)
	must(t, err)
	must(t, two.Begin(1))
	if err := two.Matches(1, check); err == nil || !strings.Contains(err.Error(), "copy the file") {
		t.Errorf("error = %v", err)
	}
	must(t, one.Begin(2))
	handed := one.Hand()
	if err := two.Take(2, handed); err == nil {
		t.Error("took an epoch from a stranger")
	}
}

func BenchmarkSeal(b *testing.B) {
	box, place, plain := NewBox(NewKey()), Place("events", "school", "device-0001", "0123456789abcdef"), make([]byte, 300)
	for b.Loop() {
		box.Seal(plain, place)
	}
}
