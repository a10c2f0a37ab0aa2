package logging_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"

	"safelight/internal/logging"
)

func TestALevelChangedWhileRunningTakesEffectOnChildLoggers(t *testing.T) {
	var out bytes.Buffer
	var level slog.LevelVar
	log := logging.New(&out, &level).With("room", "spool")
	log.Debug("quiet")
	level.Set(slog.LevelDebug)
	log.Debug("loud")
	if got := out.String(); strings.Contains(got, "quiet") || !strings.Contains(got, "loud") {
		t.Errorf("logged %q", got)
	}
}

func TestAServiceManagerGetsOneJSONObjectALine(t *testing.T) {
	var out bytes.Buffer
	logging.New(&out, new(slog.LevelVar)).Info("started", "pid", 7)
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %q", err, out.String())
	}
	if line["msg"] != "started" || line["pid"] != float64(7) {
		t.Errorf("logged %v", line)
	}
}

func TestAFileIsNotTakenForATerminal(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	logging.New(f, new(slog.LevelVar)).Info("started")
	got, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(bytes.TrimSpace(got)) {
		t.Errorf("a file got %q", got)
	}
}

func TestParseLevel(t *testing.T) {
	for word, want := range map[string]slog.Level{
		"": slog.LevelInfo, "info": slog.LevelInfo, "DEBUG": slog.LevelDebug,
		"warn": slog.LevelWarn, "warning": slog.LevelWarn, "error": slog.LevelError,
	} {
		if got, err := logging.ParseLevel(word); err != nil || got != want {
			t.Errorf("ParseLevel(%q) = %v, %v", word, got, err)
		}
	}
	if _, err := logging.ParseLevel("chatty"); err == nil || !strings.Contains(err.Error(), "want debug") {
		t.Errorf("a wrong level got the error %v", err)
	}
}
