package main

import (
	"strings"
	"testing"
)

func reported(t *testing.T, stream string) (string, bool) {
	t.Helper()
	var out strings.Builder
	r := newReport(&out)
	if err := r.read(strings.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	ok := r.finish()
	return out.String(), ok
}

const passing = `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestA/one"}
{"Action":"run","Package":"p","Test":"TestA/two"}
{"Action":"pass","Package":"p","Test":"TestA/one","Elapsed":0.5}
{"Action":"pass","Package":"p","Test":"TestA/two","Elapsed":0.5}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":1.25}
{"Action":"output","Package":"p","Test":"TestB","Output":"=== RUN   TestB\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:12: no raw sockets: not root\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"--- SKIP: TestB (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestB","Elapsed":0}
{"Action":"pass","Package":"p","Elapsed":1.3}
`

func TestWhatPassedAndWhatWasSkippedIsCountedOnce(t *testing.T) {
	got, ok := reported(t, passing)
	if !ok {
		t.Errorf("a passing run failed:\n%s", got)
	}
	for _, want := range []string{"\n2 passed, 0 failed, 1 skipped\n", "SKIPPED p TestB: no raw sockets: not root\n", "1.25 s  p TestA\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing from\n%s", want, got)
		}
	}
	if !strings.HasSuffix(got, "skipped\n") {
		t.Errorf("the counts are not the last line:\n%s", got)
	}
}

// Each way a run goes wrong must end in a failure and say what it was.
func TestNoFailureIsLost(t *testing.T) {
	for what, c := range map[string]struct{ stream, want, counts string }{
		"a failed test": {
			`{"Action":"output","Package":"q","Test":"TestC","Output":"    c_test.go:3: got 1\n"}
{"Action":"fail","Package":"q","Test":"TestC","Elapsed":0.1}
{"Action":"fail","Package":"q","Elapsed":0.2}
`, "FAILED: q TestC\n    c_test.go:3: got 1", "2 passed, 1 failed, 1 skipped",
		},
		"a failed subtest, which fails its parent too": {
			`{"Action":"fail","Package":"q","Test":"TestC/x","Elapsed":0.1}
{"Action":"fail","Package":"q","Test":"TestC","Elapsed":0.1}
{"Action":"fail","Package":"q","Elapsed":0.2}
`, "FAILED: q TestC/x", "2 passed, 2 failed, 1 skipped",
		},
		"a subtest with a slash in its name": {
			`{"Action":"run","Package":"q","Test":"TestC"}
{"Action":"run","Package":"q","Test":"TestC/for_linux/amd64"}
{"Action":"fail","Package":"q","Test":"TestC/for_linux/amd64","Elapsed":0.1}
{"Action":"run","Package":"q","Test":"TestC/for_windows/amd64"}
{"Action":"pass","Package":"q","Test":"TestC/for_windows/amd64","Elapsed":0.1}
{"Action":"fail","Package":"q","Test":"TestC","Elapsed":0.1}
{"Action":"fail","Package":"q","Elapsed":0.2}
`, "FAILED: q TestC/for_linux/amd64", "3 passed, 2 failed, 1 skipped",
		},
		"a package that does not build": {
			`{"ImportPath":"q [q.test]","Action":"build-output","Output":"q/q.go:3:5: undefined: x\n"}
{"ImportPath":"q [q.test]","Action":"build-fail"}
{"Action":"start","Package":"q"}
{"Action":"fail","Package":"q","Elapsed":0,"FailedBuild":"q [q.test]"}
`, "undefined: x", "2 passed, 1 failed, 1 skipped",
		},
		"a leak found after the tests": {
			`{"Action":"pass","Package":"q","Test":"TestC","Elapsed":0.1}
{"Action":"output","Package":"q","Output":"goleak: found unexpected goroutines\n"}
{"Action":"fail","Package":"q","Elapsed":0.2}
`, "found unexpected goroutines", "3 passed, 1 failed, 1 skipped",
		},
		"a test that was cut off": {
			`{"Action":"run","Package":"q","Test":"TestC"}
`, "FAILED: q TestC (did not finish)", "2 passed, 1 failed, 1 skipped",
		},
	} {
		t.Run(what, func(t *testing.T) {
			got, ok := reported(t, passing+c.stream)
			if ok || !strings.Contains(got, c.want) || !strings.Contains(got, "\n"+c.counts+"\n") {
				t.Errorf("ok %v, want %q and %q in\n%s", ok, c.want, c.counts, got)
			}
		})
	}
}

func TestARunWithoutTestsIsAFailure(t *testing.T) {
	if got, ok := reported(t, "go: cannot find main module\n"); ok || !strings.Contains(got, "cannot find main module") {
		t.Errorf("ok %v:\n%s", ok, got)
	}
}

func TestOutputWithoutEndIsCutShort(t *testing.T) {
	noisy := strings.Repeat(`{"Action":"output","Package":"q","Test":"TestC","Output":"`+strings.Repeat("x", 1000)+`\n"}`+"\n", 1000)
	got, ok := reported(t, noisy+`{"Action":"fail","Package":"q","Test":"TestC"}`+"\n")
	if ok || len(got) > 2*keep {
		t.Errorf("ok %v, %d bytes", ok, len(got))
	}
}
