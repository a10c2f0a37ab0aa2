// Command testreport turns the stream of `go test -json` into what a person
// wants to know: what failed and what it printed, the ten slowest tests, every
// test that was skipped with its reason, and a last line "N passed, N failed, N
// skipped". It exits 1 if anything failed or did not finish. The Makefile uses
// it; it is no part of either program.
package main

import (
	"fmt"
	"os"
)

func main() {
	r := newReport(os.Stdout)
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
	if !r.finish() {
		os.Exit(1)
	}
}
