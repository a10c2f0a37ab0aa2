package logging

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestALogFileNeverFillsTheDiskAndLosesNoRecentLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.log")
	for _, from := range []int{0, 500} { // opened again, it goes on
		f, err := openFile(path, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for i := from; i < from+500; i++ {
			if _, err := f.Write([]byte(strings.Repeat("x", 90) + string(rune('0'+i%10)) + "\n")); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var all string
	for _, p := range []string{path + ".1", path} {
		data, err := os.ReadFile(p)
		if err != nil || len(data) > 1000 {
			t.Errorf("%s: %d bytes, %v", p, len(data), err)
		}
		all += string(data)
	}
	var last string
	for line := range strings.Lines(all) {
		last += line[90:91]
	}
	if !strings.HasSuffix("01234567890123456789", last) || len(last) < 11 {
		t.Errorf("the last lines are %s", last)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 2 {
		t.Errorf("%d files, %v", len(entries), err)
	}
}

func TestALogGoesOnWhenItsFileCanBeOpenedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	mkdir := func() {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	mkdir()
	f, err := openFile(filepath.Join(dir, "agent.log"), 10)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write := func(line string) error {
		_, err := f.Write([]byte(line))
		return err
	}
	if err := errors.Join(write("the first\n"), os.RemoveAll(dir)); err != nil {
		t.Skip("this system removes no file that is open: ", err)
	}
	if write("lost\n") == nil {
		t.Error("a line that went nowhere was taken")
	}
	mkdir()
	if err := write("kept\n"); err != nil {
		t.Errorf("the log ended for good: %v", err)
	}
}

func TestALogThatCannotBeOpenedIsToldAndOneIsGuardedToo(t *testing.T) {
	if _, _, err := Open(nil, slog.LevelInfo, filepath.Join(t.TempDir(), "none", "agent.log")); err == nil || !strings.Contains(err.Error(), "agent.log") {
		t.Errorf("got %v", err)
	}
	path := filepath.Join(t.TempDir(), "agent.log")
	log, done, err := Open(nil, slog.LevelWarn, path)
	if err != nil {
		t.Fatal(err)
	}
	log.Info("left out")
	log.Warn("kept", slog.Group("last", "user_name", "canary"))
	if err := done(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if said := string(data); err != nil || !strings.Contains(said, `"kept"`) || strings.Contains(said, "canary") || strings.Contains(said, "left out") {
		t.Errorf("it holds %q, %v", said, err)
	}
}
