package logging_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"safelight/internal/logging"
)

const canary = "canary-93ab"

type lazyName struct{}

func (lazyName) LogValue() slog.Value { return slog.GroupValue(slog.String("user_name", canary)) }

type sighting struct{ Name string }

// Each way a name could get into a log line by an attribute.
func TestG11NoAttributeCarriesANameIntoALog(t *testing.T) {
	for what, write := range map[string]func(*slog.Logger){
		"a plain key":         func(l *slog.Logger) { l.Info("m", "user", canary) },
		"a longer key":        func(l *slog.Logger) { l.Info("m", "last_user_seen", canary) },
		"a plural":            func(l *slog.Logger) { l.Info("m", "words", canary) },
		"camel case":          func(l *slog.Logger) { l.Info("m", "userName", canary) },
		"Go case":             func(l *slog.Logger) { l.Info("m", "UserName", canary) },
		"upper case":          func(l *slog.Logger) { l.Info("m", "URL", canary) },
		"a dotted key":        func(l *slog.Logger) { l.Info("m", "http.host", canary) },
		"a group":             func(l *slog.Logger) { l.Info("m", slog.Group("flow", "host", canary)) },
		"a group in a group":  func(l *slog.Logger) { l.Info("m", slog.Group("a", slog.Group("b", "match", canary))) },
		"a personal group":    func(l *slog.Logger) { l.Info("m", slog.Group("subject", "role", canary)) },
		"a child logger":      func(l *slog.Logger) { l.With("account", canary).Info("m") },
		"a child of a group":  func(l *slog.Logger) { l.WithGroup("g").With("query", canary).Info("m") },
		"an open group":       func(l *slog.Logger) { l.WithGroup("g").Info("m", "query", canary) },
		"a structure":         func(l *slog.Logger) { l.Info("m", "seen", sighting{canary}) },
		"a pointer":           func(l *slog.Logger) { l.Info("m", "seen", &sighting{canary}) },
		"a list":              func(l *slog.Logger) { l.Info("m", "seen", []string{canary}) },
		"a map":               func(l *slog.Logger) { l.Info("m", "seen", map[string]string{"x": canary}) },
		"a value made lazily": func(l *slog.Logger) { l.Info("m", "seen", lazyName{}) },
		"LogAttrs": func(l *slog.Logger) {
			l.LogAttrs(context.Background(), slog.LevelWarn, "m", slog.String("url", canary))
		},
		"a sign-in token":      func(l *slog.Logger) { l.Info("m", "token", canary) },
		"bytes under any name": func(l *slog.Logger) { l.Info("m", "raw", []byte(canary)) },
	} {
		t.Run(what, func(t *testing.T) {
			for form, handler := range map[string]func(*bytes.Buffer) slog.Handler{
				"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
				"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			} {
				var out bytes.Buffer
				write(slog.New(logging.Guard(handler(&out))))
				if strings.Contains(out.String(), canary) || strings.Contains(out.String(), "Y2FuYXJ5") {
					t.Errorf("%s: the canary is in %s", form, out.String())
				}
				if !strings.Contains(out.String(), logging.Withheld) {
					t.Errorf("%s: nothing says that a value was withheld: %s", form, out.String())
				}
			}
		})
	}
}

// A guard that withheld everything would make logs useless, and be switched off.
func TestG11WhatITNeedsIsStillLogged(t *testing.T) {
	var out bytes.Buffer
	slog.New(logging.Guard(slog.NewTextHandler(&out, nil))).Info("connected",
		"device", "d-1", "lane", 3, "took", 2*time.Second, "err", errors.New("reset"),
		"addr", netip.MustParseAddrPort("127.0.0.1:9"), "source", "process", "rename", "no", "ok", true, "none", nil)
	for _, want := range []string{"device=d-1", "lane=3", "took=2s", "err=reset", "addr=127.0.0.1:9", "source=process", "rename=no", "ok=true", "none=<nil>"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing from %s", want, out.String())
		}
	}
	if strings.Contains(out.String(), logging.Withheld) {
		t.Errorf("something harmless was withheld: %s", out.String())
	}
}
