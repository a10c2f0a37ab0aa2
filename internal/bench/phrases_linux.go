package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"safelight/internal/packdir"
	"safelight/internal/rules"
	"safelight/internal/rules/phrases"
)

const (
	phraseCount  = 64_000
	queryCount   = 20_000
	phraseRounds = 15
)

// wordsAndPhrases searches queries of 33 bytes for 64,000 phrases, in turns with
// Hyperscan over the same of both, and folds them, in turns with the chain of
// golang.org/x/text that does the same. It reads every query in every way there
// is and minds where words end; Hyperscan reads it once, letter by letter.
func wordsAndPhrases(ctx context.Context, _ string) (rows []row, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and not unlocked: the thread ends here, and what it was bound to
		rows, err = phraseTable(ctx)
	}()
	<-done
	return rows, err
}

func phraseTable(ctx context.Context) ([]row, error) {
	if err := stayOnOneCore(); err != nil {
		return nil, err
	}
	c, err := newWordCorpus()
	if err != nil {
		return nil, err
	}
	began := threadNow()
	b, err := phrases.Build(c.list())
	if err != nil {
		return nil, err
	}
	built := threadNow() - began
	table, err := phrases.Open(b)
	if err != nil {
		return nil, err
	}
	rows := []row{{
		fmt.Sprintf("table of %d phrases", len(c.phrases)), fmt.Sprintf("%.1f MB", float64(len(b))/1e6), "10 MB",
		fmt.Sprintf("built in %s of CPU", built.Round(time.Millisecond)),
	}}
	searched, err := c.againstHyperscan(ctx, table)
	if err != nil {
		return rows, err
	}
	ships, err := c.shipped()
	if err != nil {
		return rows, err
	}
	return append(append(rows, searched...), ships, c.folding()), nil
}

// shipped searches the same queries for what ships, with its sets of words, its
// words in order and its spellings, which the peer does not know.
func (c *wordCorpus) shipped() (row, error) {
	files, err := packdir.Shipped()
	if err != nil {
		return row{}, err
	}
	rs, err := rules.Compile(files)
	if err != nil {
		return row{}, err
	}
	b := rs.Tables().Phrases
	table, err := phrases.Open(b)
	if err != nil {
		return row{}, err
	}
	var s phrases.Scratch
	c.searchAll(table, &s) // warm
	var took []time.Duration
	hits := 0
	for range phraseRounds {
		var one time.Duration
		one, hits = c.searchAll(table, &s)
		took = append(took, one)
	}
	slices.Sort(took)
	return row{
		"what ships over the same query", c.each(took[len(took)/2]), "",
		fmt.Sprintf("sets, words in order and other spellings among them, which the 64,000 have not; %.1f MB, %d hits", float64(len(b))/1e6, hits),
	}, nil
}

// threadNow reads this thread's CPU clock. It is finer than rusage, which may
// count in ticks.
func threadNow() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// stayOnOneCore keeps this thread, and the peer that it starts, on one core, so
// that both have the same cache and the same neighbours.
func stayOnOneCore() error {
	var allowed, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return fmt.Errorf("reading which cores there are: %w", err)
	}
	for cpu := range 1024 {
		if allowed.IsSet(cpu) {
			one.Set(cpu)
			break
		}
	}
	return unix.SchedSetaffinity(0, &one)
}

// searchAll searches every query once: CPU time and hits.
func (c *wordCorpus) searchAll(t *phrases.Table, s *phrases.Scratch) (took time.Duration, hits int) {
	began := threadNow()
	for _, q := range c.queries {
		hits += len(t.Search(s, q))
	}
	return threadNow() - began, hits
}

func (c *wordCorpus) againstHyperscan(ctx context.Context, t *phrases.Table) ([]row, error) {
	what := fmt.Sprintf("%d phrases over a query of %.0f bytes", len(c.phrases), c.meanLength())
	var s phrases.Scratch
	c.searchAll(t, &s) // warm
	peer, err := startHyperscan(ctx, c)
	if err != nil {
		ours, hits := c.searchAll(t, &s)
		return []row{{what, c.each(ours), "", fmt.Sprintf("%d hits; Hyperscan not measured: %v", hits, err)}}, nil
	}
	defer peer.stop()
	var ours, theirs []time.Duration
	var ratios []float64
	var hits, matches int
	for range phraseRounds {
		var a, b time.Duration
		a, hits = c.searchAll(t, &s)
		if b, matches, err = peer.round(); err != nil {
			return nil, err
		}
		ours, theirs, ratios = append(ours, a), append(theirs, b), append(ratios, float64(a)/float64(b))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	slices.Sort(ratios)
	return []row{{
		what, c.each(ours[len(ours)/2]), "0.6 of Hyperscan",
		fmt.Sprintf("Hyperscan %s (ratio %.2f, rounds %.2f to %.2f); %d hits on whole words, its matches anywhere %d; its database %.1f MB and scratch %.1f MB, built in %s",
			c.each(theirs[len(theirs)/2]), ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1], hits, matches,
			float64(peer.database)/1e6, float64(peer.scratch)/1e6, peer.built),
	}}, nil
}

// each words a time for all queries as that of one.
func (c *wordCorpus) each(took time.Duration) string {
	return fmt.Sprintf("%d ns", took.Nanoseconds()/int64(len(c.queries)))
}

func (c *wordCorpus) meanLength() float64 {
	return float64(len(strings.Join(c.queries, ""))) / float64(len(c.queries))
}

// folding compares reading a query into folded words with the chain that folds
// it by Unicode's own algorithms.
func (c *wordCorpus) folding() row {
	chain := transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), cases.Fold(), norm.NFC)
	var s phrases.Scratch
	room := make([]byte, 4096)
	sources := make([][]byte, len(c.queries))
	for i, q := range c.queries {
		sources[i] = []byte(q)
	}
	// A query is folded as it comes in, so it lies in the cache: a few at a time
	// are folded again and again.
	const few, again = 250, 20
	fold := func(at int) time.Duration {
		began := threadNow()
		for range again {
			for _, q := range c.queries[at : at+few] {
				s.Fold(q)
			}
		}
		return threadNow() - began
	}
	theirs := func(at int) time.Duration {
		began := threadNow()
		for range again {
			for _, q := range sources[at : at+few] {
				chain.Reset()
				if _, _, err := chain.Transform(room, q, true); err != nil {
					panic(err) // a query longer than the room: a mistake above
				}
			}
		}
		return threadNow() - began
	}
	var a, b []time.Duration
	var ratios []float64
	for at := 0; at < len(c.queries); at += few {
		x, y := fold(at), theirs(at)
		a, b, ratios = append(a, x), append(b, y), append(ratios, float64(x)/float64(y))
	}
	slices.Sort(a)
	slices.Sort(b)
	slices.Sort(ratios)
	mid := len(ratios) / 2
	return row{
		"folding such a query", fmt.Sprintf("%d ns", a[mid].Nanoseconds()/few/again), "0.1 of the golang.org/x/text chain",
		fmt.Sprintf("NFKD, marks removed, cases.Fold, NFC: %d ns (ratio %.3f, nine of ten rounds %.3f to %.3f)", b[mid].Nanoseconds()/few/again, ratios[mid], ratios[len(ratios)/20], ratios[len(ratios)*19/20]),
	}
}
