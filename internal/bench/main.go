// Command bench is `make bench`: it measures the two real programs on this
// machine and prints each figure beside its aim and, where there is one, beside
// a named peer or limit measured in the same run. Machines are shared and
// noisy: ratios say more than figures. It is no part of the product.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"
)

// row is a line of the table.
type row struct {
	what, figure, aim, peer string
}

// measure is one benchmark. It may return rows beside an error.
type measure struct {
	name string
	run  func(ctx context.Context, bin string) ([]row, error)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	fmt.Printf("%s, %s/%s, %d cores, %s\n", time.Now().UTC().Format("2006-01-02"), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	var failed error
	var rows []row
	for _, m := range []measure{
		{"alert delay", alertDelay},
		{"backup", besideBackups},
		{"capture", capture},
		{"delivery", delivery},
		{"fleet", fleet},
		{"names", listedNames},
		{"phrases", wordsAndPhrases},
		{"policy", openedPolicies},
		{"words", shippedWords},
	} {
		if only := os.Args[1:]; len(only) > 0 && !slices.Contains(only, m.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %s...\n", m.name)
		got, err := m.run(ctx, "bin")
		rows = append(rows, got...)
		if err != nil {
			failed = fmt.Errorf("measuring %s: %w", m.name, err)
			rows = append(rows, row{what: m.name, figure: "failed: " + err.Error()})
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MEASURE\tFIGURE\tAIM\tPEER OR LIMIT, SAME RUN")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.what, r.figure, r.aim, r.peer)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return failed
}
