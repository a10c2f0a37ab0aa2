package archtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// plant writes a small tree in which something is wrong.
func plant(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func planted(t *testing.T, files map[string]string) tree {
	t.Helper()
	planted, err := load(plant(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return planted
}

// caught fails unless exactly these were found, each by a piece of its text.
func caught(t *testing.T, wrong []string, want ...string) {
	t.Helper()
	if len(wrong) != len(want) {
		t.Errorf("found %d violations, want %d:\n%s", len(wrong), len(want), strings.Join(wrong, "\n"))
		return
	}
	for i, w := range want {
		if !strings.Contains(wrong[i], w) {
			t.Errorf("violation %d is %q, without %q", i, wrong[i], w)
		}
	}
}

var plan = []room{
	{"agent/source/...", []string{"internal/event", "agent/source/..."}, "a source sees"},
	{"agent/source/loud", everything, "for this test"},
	{"internal/event", nil, "the bottom layer"},
	{"agent", []string{"agent/..."}, "the door"},
}

func TestAPlantedImportIsCaughtWhateverItsBuildTags(t *testing.T) {
	caught(t, checkRooms(planted(t, map[string]string{
		"agent/source/dns/dns_windows.go": "package dns\nimport _ \"safelight/collector/store\"\n",
		"agent/source/dns/never.go":       "//go:build never\n\npackage dns\nimport _ \"safelight/internal/rules\"\n",
		"agent/source/dns/ok.go":          "package dns\nimport (\n_ \"fmt\"\n_ \"safelight/internal/event\"\n_ \"safelight/agent/source\"\n)\n",
		"agent/source/dns/dns_test.go":    "package dns\nimport _ \"safelight/collector/store\"\n",
		"agent/source/loud/loud.go":       "package loud\nimport _ \"safelight/collector/store\"\n",
		"internal/event/event.go":         "package event\nimport x \"safelight/internal/logging\"\nvar _ = x.New\n",
		"agent/source/testdata/x.go":      "package x\nimport _ \"safelight/collector\"\n",
	}), plan),
		"agent/source/dns/dns_windows.go: imports collector/store",
		"agent/source/dns/never.go: imports internal/rules",
		"internal/event/event.go: imports internal/logging; internal/event may import nothing of ours: the bottom layer")
}

func TestAFolderWithoutARoomIsCaught(t *testing.T) {
	caught(t, checkRooms(planted(t, map[string]string{
		"agent/main.go":        "package main\nimport _ \"safelight/agent/gossip\"\n",
		"agent/gossip/talk.go": "package gossip\n",
	}), plan), "agent/gossip: no room")
}

func TestAFolderIsNotWithinItsNamesake(t *testing.T) {
	if within("agents/x", "agent/...") || within("agent/x", "agent") || !within("agent", "agent/...") || !within("agent/x/y", "agent/...") {
		t.Error("patterns match the wrong folders")
	}
	if below("github.com/jackc/pgxother", "github.com/jackc/pgx") {
		t.Error("an import path was taken for its namesake")
	}
}

func TestALibraryOverItsFenceIsCaught(t *testing.T) {
	caught(t, checkFences(planted(t, map[string]string{
		"collector/alert/notify/mail.go": "package notify\nimport _ \"github.com/wneessen/go-mail/smtp\"\n",
		"collector/console/page.go":      "package console\nimport _ \"github.com/wneessen/go-mail/smtp\"\n",
		"collector/console/page_test.go": "package console\nimport _ \"github.com/wneessen/go-mail\"\n",
	}), []fence{{"github.com/wneessen/go-mail", []string{"collector/alert/notify"}, "one room"}}),
		"collector/console/page.go: imports github.com/wneessen/go-mail/smtp")
}

func TestAForbiddenCallIsCaughtUnderAnyName(t *testing.T) {
	sleep := call{"time", "Sleep", everything, "wait for it", map[string]string{"b/b.go": "reason", "c/c.go": "reason"}}
	caught(t, checkCalls(planted(t, map[string]string{
		"a/a.go":      "package a\nimport \"time\"\nfunc f() { time.Sleep(1) }\n",
		"a/alias.go":  "package a\nimport zeit \"time\"\nvar nap = zeit.Sleep\n",
		"a/a_test.go": "package a\nimport \"time\"\nfunc g() { time.Sleep(1) }\n",
		"a/other.go":  "package a\ntype t struct{}\nfunc (t) Sleep() {}\nfunc h(time t) { time.Sleep() }\n",
		"b/b.go":      "package b\nimport \"time\"\nfunc f() { time.Sleep(1) }\n",
		"c/c.go":      "package c\n",
	}), []call{sleep}),
		"a/a.go:3: time.Sleep: wait for it", "a/alias.go:3: time.Sleep", "c/c.go: no longer uses time.Sleep")
}

func TestAPackageThatSaysNothingIsCaught(t *testing.T) {
	caught(t, checkDocs(planted(t, map[string]string{
		"a/a.go":       "package a\n",
		"b/b.go":       "// Package b is short.\npackage b\n",
		"c/c.go":       "// This package is described at great length but not in the form that godoc wants.\npackage c\n",
		"d/main.go":    "// Package main is described at length, but a program's comment begins with Command.\npackage main\n",
		"e/e.go":       "package e\n\n// Package e has a comment that is long enough but stands below its package clause.\n",
		"ok/x.go":      "package ok\n",
		"ok/doc.go":    "// Package ok says at sufficient length what it is for, in one of its files.\npackage ok\n",
		"ok/x_test.go": "package ok_test\n",
	})),
		"a: no comment", "b: its comment is 20", "c: its comment begins \"This package is\"", "d: its comment begins \"Package main is\"", "e: no comment")
}

func TestALongFileIsCaughtUnlessGenerated(t *testing.T) {
	long := strings.Repeat("\n", 30)
	caught(t, checkSizes(planted(t, map[string]string{
		"a/hand.go":      "package a\n" + long,
		"a/generated.go": "// Code generated by x. DO NOT EDIT.\n\npackage a\n" + long,
		"a/Upper.go":     "package a\n",
	}), 20), "a/Upper.go: file names", "a/hand.go: 31 lines")
}

func TestAStrangerAtTheTopLevelIsCaught(t *testing.T) {
	wrong, err := checkTop(plant(t, map[string]string{"agent/main.go": "", "bin/x": "", "pkg/x.go": ""}), []string{"agent"})
	if err != nil {
		t.Fatal(err)
	}
	caught(t, wrong, "pkg: not in the plan")
}

func TestAPathOfThisMachineIsCaught(t *testing.T) {
	home := "/ro" + "ot/"
	wrong, err := checkContent(plant(t, map[string]string{
		"a.md":        "see " + home + "notes\n",
		"b.yaml":      "fine\npath: \"/wo" + "rk/tree\"\n",
		"c.bin":       "\x00\x00" + home + "x TO" + "DO",
		"d.go":        "// TO" + "DO: tidy\n",
		"e.md":        "~" + home + "x https://example.org" + home + "x $DIR" + home + "x the METODO\n",
		"excepted.md": home + "x\n",
		".git/config": home + "x\n",
		"bin/program": home + "x\n",
	}), map[string]string{"excepted.md": "for this test"})
	if err != nil {
		t.Fatal(err)
	}
	caught(t, wrong, "a.md:1", "b.yaml:2", "c.bin:1", "d.go:1")
}

// The modules' own sources are read as well as ours, with a release's tags.
func TestABannedPackageIsCaughtThroughAnyChain(t *testing.T) {
	root := plant(t, map[string]string{
		"go.mod":                "module safelight\n\nrequire example.com/Web/v2 v2.0.1\nrequire (\n\texample.com/db v0.1.0 // indirect\n)\n",
		"agent/main.go":         "package main\nimport _ \"safelight/agent/room\"\n",
		"agent/room/room.go":    "package room\nimport _ \"fmt\"\n",
		"agent/room/windows.go": "//go:build windows\n\npackage room\nimport _ \"example.com/Web/v2/page\"\n",
		"agent/room/traced.go":  "//go:build !grpcnotrace\n\npackage room\nimport _ \"html/template\"\n",
	})
	cache := plant(t, map[string]string{
		"example.com/!web/v2@v2.0.1/page/page.go":      "package page\nimport _ \"example.com/db\"\n",
		"example.com/!web/v2@v2.0.1/page/page_test.go": "package page\nimport _ \"testing\"\n",
		"example.com/db@v0.1.0/db.go":                  "package db\nimport _ \"database/sql\"\n",
	})
	bans := []ban{{"agent", "database/sql", "small"}, {"agent", "html/template", "small"}, {"agent", "testing", "small"}}
	both := []target{{"linux", "amd64"}, {"windows", "arm64"}}
	r, err := newReacher(root, cache, []string{"grpcnotrace"})
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := r.check(bans, both)
	if err != nil {
		t.Fatal(err)
	}
	caught(t, wrong, "agent for windows/arm64 links database/sql (safelight/agent -> safelight/agent/room -> example.com/Web/v2/page -> example.com/db -> database/sql)")
}

func TestAModuleThatGoModDoesNotNameIsAnErrorNotAPass(t *testing.T) {
	root := plant(t, map[string]string{"go.mod": "module safelight\n", "agent/main.go": "package main\nimport _ \"example.com/gone\"\n"})
	r, err := newReacher(root, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.check([]ban{{"agent", "x", ""}}, targets[:1]); err == nil || !strings.Contains(err.Error(), "safelight/agent -> example.com/gone") && !strings.Contains(err.Error(), "no module in go.mod holds example.com/gone") {
		t.Errorf("got %v", err)
	}
	if _, err := newReacher(plant(t, map[string]string{"go.mod": "replace a => b\n"}), "", nil); err == nil {
		t.Error("a replace was let pass")
	}
}

// The real thing: without the tag of a release, gRPC's tracing page brings HTML
// templates with it. If this stops being so, the tag can go.
func TestTheReleaseTagsAreStillNeeded(t *testing.T) {
	for _, tags := range [][]string{nil, releaseTags} {
		r, err := newReacher(root, moduleCache(t), tags)
		if err != nil {
			t.Fatal(err)
		}
		chains, err := r.reach("google.golang.org/grpc", targets[0])
		if err != nil {
			t.Fatal(err)
		}
		if got, want := chains["html/template"] != nil, tags == nil; got != want {
			t.Errorf("with tags %v gRPC links html/template: %v, want %v", tags, got, want)
		}
	}
}
