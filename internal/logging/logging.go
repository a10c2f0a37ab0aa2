// Package logging sets up the one logger that a program hands to its rooms:
// text for a person at a terminal, JSON for a service manager, a level that can
// be changed while it runs, and a guard (G11) that keeps names, hosts, accounts
// and words out of every line. It imports nothing of ours. Only programs and
// tests call New; every room takes the *slog.Logger it is given.
package logging

import (
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
)

// New returns a logger that writes to out: lines of text if out is a terminal,
// else one JSON object a line. Changing level takes effect at once, everywhere.
func New(out io.Writer, level *slog.LevelVar) *slog.Logger {
	opts := &slog.HandlerOptions{Level: level}
	if terminal(out) {
		return slog.New(Guard(slog.NewTextHandler(out, opts)))
	}
	return slog.New(Guard(slog.NewJSONHandler(out, opts)))
}

// Discard returns a logger that drops everything, for tests and for verbs whose
// output is for programs.
func Discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// ParseLevel reads a level's word, as it stands in configuration and flags.
func ParseLevel(word string) (slog.Level, error) {
	switch strings.ToLower(word) {
	case "debug":
		return slog.LevelDebug, nil
	case "", "info":
		return slog.LevelInfo, nil
	case "warn", "warning":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("log level %q: want debug, info, warn or error", word)
}

// terminal reports whether out is a character device. That takes in /dev/null,
// where the form does not matter.
func terminal(out io.Writer) bool {
	f, ok := out.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0
}
