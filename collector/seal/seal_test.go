package seal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
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
	now, err := one.Present()
	must(t, err)
	number, wrapped := now.Wrap("subject", key)
	again := open(t, path).School("a")
	if got, err := again.Unwrap("subject", number, wrapped); err != nil || got != key {
		t.Errorf("%v", err)
	}
	if _, err := again.Unwrap("other", number, wrapped); !errors.Is(err, ErrOpen) {
		t.Errorf("a wrapped key moved to another subject opens: %v", err)
	}
	must(t, again.Matches(1, check))
	then, err := again.Present()
	must(t, err)
	if then.Lookup("account", "j.doe") != now.Lookup("account", "j.doe") || then.Lookup("account", "j.doe") == then.Lookup("bare", "j.doe") {
		t.Error("lookups differ after a restart, or are the same of two kinds")
	}
}

// watched are the files that a path has named, each where its bytes lie: what was
// replaced can still be looked at.
type watched []*os.File

func (w *watched) look(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	t.Cleanup(func() { must(t, f.Close()) })
	*w = append(*w, f)
}

func (w *watched) show(t *testing.T, secret string) bool {
	t.Helper()
	for _, f := range *w {
		data, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
		must(t, err)
		if bytes.Contains(data, []byte(secret)) {
			return true
		}
	}
	return false
}

func TestADestroyedEpochOpensNothingAndIsNotOnTheDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	s := open(t, path).School("a")
	must(t, s.Begin(1))
	present, err := s.Present()
	must(t, err)
	number, wrapped := present.Wrap("subject", NewKey())
	secret := base64.StdEncoding.EncodeToString(s.newest().secret[:])
	var files watched
	windows := runtime.GOOS == "windows" // where an open file cannot be replaced
	if !windows {
		files.look(t, path)
	}
	before, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Contains(before, []byte(secret)) {
		t.Fatal("the secret is not in the file: does this test still see anything?")
	}
	drawn, err := s.Draw()
	must(t, err)
	if s.Newest() != 1 {
		t.Error("a drawn epoch is used already")
	}
	must(t, s.Take(drawn.Number, drawn.Handed))
	must(t, s.Matches(2, drawn.Check))
	if !windows {
		files.look(t, path)
	}
	other := filepath.Join(t.TempDir(), FileName)
	must(t, os.WriteFile(other, before, 0o600))
	behind := open(t, other).School("a")
	must(t, behind.Take(2, s.Hand()))
	must(t, behind.Matches(2, drawn.Check))
	now, was := s.Lookups("account", "x")
	if there, _ := behind.Lookups("account", "x"); now == was || there != now {
		t.Error("two collectors would look the same account up differently")
	}
	must(t, s.Destroy(2))
	if _, err := s.Unwrap("subject", number, wrapped); !errors.Is(err, ErrEpoch) {
		t.Errorf("after destroying: %v", err)
	}
	if _, err := open(t, path).School("a").Unwrap("subject", number, wrapped); !errors.Is(err, ErrEpoch) {
		t.Errorf("after a restart: %v", err)
	}
	onlyTheFile(t, path)
	if files.show(t, secret) {
		t.Error("a file that was replaced still holds the secret")
	}
}

func onlyTheFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

// A process that is killed while it writes the file leaves what it wrote under
// another name, with every secret in it.
func TestWhatAKilledWriterLeftIsDestroyed(t *testing.T) {
	for name, next := range map[string]func(t *testing.T, path string, s *School){
		"at the next start":       func(t *testing.T, path string, _ *School) { open(t, path) },
		"at the next destruction": func(t *testing.T, _ string, s *School) { must(t, s.Destroy(2)) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), FileName)
			s := open(t, path).School("a")
			must(t, s.Begin(1))
			must(t, s.Begin(2))
			left := filepath.Join(filepath.Dir(path), "."+FileName+".2718281")
			must(t, os.WriteFile(left, []byte("a canary"), 0o600))
			var files watched
			if runtime.GOOS != "windows" {
				files.look(t, left)
			}
			next(t, path, s)
			onlyTheFile(t, path)
			if files.show(t, "canary") {
				t.Error("what was left was removed and not overwritten")
			}
		})
	}
}

func TestTheSameEpochTakenTwiceAtOnceIsThereOnce(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), FileName)).School("a")
	must(t, s.Begin(1))
	drawn, err := s.Draw()
	must(t, err)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := s.Take(drawn.Number, drawn.Handed); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if numbers := s.Numbers(); !slices.Equal(numbers, []int64{1, 2}) {
		t.Errorf("epochs = %v", numbers)
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
