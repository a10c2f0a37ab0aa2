package archtest

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pureIn finds the folders that .ci/test runs without the race detector.
var pureIn = regexp.MustCompile(`(?m)^pure='([a-z /]+)'$`)

// startsGoroutines gives the functions of a file that start one: by `go`, by a
// WaitGroup's or group's Go, or by letting tests run beside each other.
func startsGoroutines(f file) (names []string) {
	for _, d := range f.syntax.Decls {
		name := "its variables"
		if fn, ok := d.(*ast.FuncDecl); ok {
			name = fn.Name.Name
		}
		starts := false
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				starts = true
			case *ast.SelectorExpr:
				starts = starts || n.Sel.Name == "Go" || n.Sel.Name == "Parallel"
			}
			return !starts
		})
		if starts {
			names = append(names, name)
		}
	}
	return names
}

// What the race detector is spared must not be able to race: no product code of
// those packages starts a goroutine, and their tests that do are run with it.
func TestWhatRunsWithoutTheRaceDetectorStartsNoGoroutine(t *testing.T) {
	script, err := os.ReadFile(filepath.Join(root, ".ci", "test"))
	if err != nil {
		t.Fatal(err)
	}
	m := pureIn.FindSubmatch(script)
	if m == nil {
		t.Fatal(".ci/test no longer says which packages run without the race detector: read them here as it writes them")
	}
	folders, all := strings.Fields(string(m[1])), house(t)
	watched := map[string]int{}
	for _, f := range all.files {
		for _, folder := range folders {
			if f.folder != folder && !strings.HasPrefix(f.folder, folder+"/") {
				continue
			}
			for _, name := range startsGoroutines(f) {
				if !f.test || !strings.HasPrefix(name, "Test") || !strings.Contains(name, "AtOnce") {
					t.Errorf("%s: %s starts a goroutine: call it Test...AtOnce..., or take %s out of `pure` in .ci/test", f.path, name, folder)
				}
				watched[folder]++
			}
		}
	}
	if watched["internal/rules"] < 3 {
		t.Errorf("%v tests of many goroutines: does this test still see them?", watched)
	}
}

func TestAGoroutineIsSeenHoweverItIsStarted(t *testing.T) {
	for text, want := range map[string]int{
		"func a() { go a() }": 1, "func a() { func() { go a() }() }": 1, "func a(w interface{ Go(func()) }) { w.Go(nil) }": 1,
		"func a(t interface{ Parallel() }) { t.Parallel() }": 1, "var x = func() int { go println(); return 1 }()": 1, "func a() { defer a() }": 0,
	} {
		dir := t.TempDir()
		name := filepath.Join(dir, "a.go")
		if err := os.WriteFile(name, []byte("package a\n"+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := parse(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		if got := startsGoroutines(f); len(got) != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
