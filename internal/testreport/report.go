package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// line is one event of `go test -json`. Builds report an ImportPath instead of
// a Package.
type line struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

// keep is how much of one test's output is kept: enough for any message, and a
// bound on a test that prints without end.
const keep = 64 << 10

// run is a test or subtest, or with an empty test name a package.
type run struct {
	pkg, test string
	output    strings.Builder
	state     string // "" until it ended: pass, fail or skip
	seconds   float64
	parent    bool // it has subtests, and is not counted itself if it passed
}

func (r *run) name() string { return strings.TrimSuffix(r.pkg+" "+r.test, " ") }

type report struct {
	out                     io.Writer
	runs                    map[string]*run
	builds                  map[string]*strings.Builder
	passed, failed, skipped int
}

func newReport(out io.Writer) *report {
	return &report{out: out, runs: map[string]*run{}, builds: map[string]*strings.Builder{}}
}

// read takes the whole stream. What is not JSON is the go command's own
// complaint, and is passed on.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		text, err := lines.ReadString('\n')
		if text != "" {
			var l line
			if json.Unmarshal([]byte(text), &l) != nil {
				fmt.Fprint(r.out, text)
			} else {
				r.take(l)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the test stream: %w", err)
		}
	}
}

func (r *report) take(l line) {
	if l.Package == "" {
		r.takeBuild(l)
		return
	}
	t := r.run(l.Package, l.Test)
	switch l.Action {
	case "output":
		if t.output.Len() < keep {
			t.output.WriteString(l.Output)
		}
	case "pass", "fail", "skip":
		t.state, t.seconds = l.Action, l.Elapsed
		if l.Test == "" {
			r.progress(t)
		}
	}
}

// progress is a line for a package that ended.
func (r *report) progress(p *run) {
	switch p.state {
	case "pass":
		fmt.Fprintf(r.out, "ok    %s (%.1f s)\n", p.pkg, p.seconds)
	case "fail":
		fmt.Fprintf(r.out, "FAIL  %s (%.1f s)\n", p.pkg, p.seconds)
	case "skip":
		fmt.Fprintf(r.out, "-     %s has no tests\n", p.pkg)
	}
}

func (r *report) takeBuild(l line) {
	if l.ImportPath == "" {
		return
	}
	if r.builds[l.ImportPath] == nil {
		r.builds[l.ImportPath] = &strings.Builder{}
	}
	r.builds[l.ImportPath].WriteString(l.Output)
}

func (r *report) run(pkg, test string) *run {
	key := pkg + "\n" + test
	if r.runs[key] == nil {
		r.runs[key] = &run{pkg: pkg, test: test}
		r.above(pkg, test)
	}
	return r.runs[key]
}

// above notes of the test that this one is in that it has subtests. It began
// before: a slash with no test before it is part of a name ("for linux/amd64").
func (r *report) above(pkg, test string) {
	for {
		var sub bool
		if test, _, sub = cutLast(test, "/"); !sub {
			return
		}
		if above := r.runs[pkg+"\n"+test]; above != nil {
			above.parent = true
			return
		}
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// finish prints the findings and reports whether every test passed or was
// skipped.
func (r *report) finish() bool {
	var tests []*run
	for _, key := range slices.Sorted(maps.Keys(r.runs)) {
		if t := r.runs[key]; t.test != "" {
			tests = append(tests, t)
			r.count(t)
		}
	}
	r.failures(tests)
	r.slowest(tests)
	r.skips(tests)
	if len(tests) == 0 {
		r.failed++
		fmt.Fprintln(r.out, "FAILED: not one test ran")
	}
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	return r.failed == 0
}

// count counts leaves, and a test with subtests only where it failed or was
// skipped by itself.
func (r *report) count(t *run) {
	switch {
	case t.state == "skip":
		r.skipped++
	case t.state != "pass": // failed, or cut off in the middle
		r.failed++
	case !t.parent:
		r.passed++
	}
}

func (r *report) failures(tests []*run) {
	blamed := map[string]bool{} // packages with a test to blame
	for _, t := range tests {
		if t.state == "fail" || t.state == "" {
			blamed[t.pkg] = true
			fmt.Fprintf(r.out, "\nFAILED: %s%s\n%s", t.name(), map[bool]string{true: " (did not finish)"}[t.state == ""], t.output.String())
		}
	}
	for _, key := range slices.Sorted(maps.Keys(r.runs)) {
		p := r.runs[key]
		if p.test != "" || p.state == "pass" || p.state == "skip" {
			continue
		}
		// Everything that no test is to blame for: a build, TestMain, a leak, a
		// race at exit, a timeout.
		if !blamed[p.pkg] {
			r.failed++
		}
		fmt.Fprintf(r.out, "\nFAILED: package %s\n%s", p.pkg, p.output.String())
	}
	for _, pkg := range slices.Sorted(maps.Keys(r.builds)) {
		fmt.Fprintf(r.out, "\nBUILD: %s\n%s", pkg, r.builds[pkg].String())
	}
}

func (r *report) slowest(tests []*run) {
	top := slices.DeleteFunc(slices.Clone(tests), func(t *run) bool { return strings.Contains(t.test, "/") || t.state == "skip" })
	slices.SortStableFunc(top, func(a, b *run) int {
		switch {
		case a.seconds > b.seconds:
			return -1
		case a.seconds < b.seconds:
			return 1
		}
		return 0
	})
	fmt.Fprintln(r.out, "\nThe slowest tests:")
	for _, t := range top[:min(10, len(top))] {
		fmt.Fprintf(r.out, "  %7.2f s  %s\n", t.seconds, t.name())
	}
}

func (r *report) skips(tests []*run) {
	fmt.Fprintln(r.out)
	for _, t := range tests {
		if t.state == "skip" {
			fmt.Fprintf(r.out, "SKIPPED %s: %s\n", t.name(), reason(t.output.String()))
		}
	}
}

// reason is what the test said when it skipped, without the lines of the go
// command around it.
func reason(output string) string {
	var said []string
	for text := range strings.Lines(output) {
		text = strings.TrimSpace(text)
		if text == "" || strings.HasPrefix(text, "=== ") || strings.HasPrefix(text, "--- SKIP") {
			continue
		}
		// "file_test.go:12: reason"
		if place, rest, ok := strings.Cut(text, ": "); ok && strings.Contains(place, ".go:") {
			text = rest
		}
		said = append(said, text)
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}
