//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"safelight/internal/rules/names"
)

// corpus are the names that a table is measured with, and the set of each.
type corpus struct {
	names []string
	sets  []uint32
	real  int // of names, the first so many are from BENCH_NAMES
	kinds int // different sets
}

const corpusSize = 5_000_000

// newCorpus reads the file that BENCH_NAMES names, if it names one, and adds
// made-up names up to five million.
func newCorpus(ctx context.Context) (*corpus, error) {
	c := &corpus{names: make([]string, 0, corpusSize), sets: make([]uint32, 0, corpusSize)}
	if file := os.Getenv("BENCH_NAMES"); file != "" {
		if err := c.readFile(ctx, file); err != nil {
			return nil, fmt.Errorf("reading BENCH_NAMES: %w", err)
		}
	}
	c.real, c.kinds = len(c.names), max(c.kinds, 60)
	for i := c.real; i < corpusSize; i++ {
		c.names = append(c.names, madeUp(uint32(i)))
		c.sets = append(c.sets, uint32(i*i)%60) // some sets more than others
	}
	return c, nil
}

// readFile reads lines of a name, a tab and its categories, packed by zstd where
// the file's name ends in .zst.
func (c *corpus) readFile(ctx context.Context, file string) (err error) {
	if !strings.HasSuffix(file, ".zst") {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		return c.read(f)
	}
	cmd := exec.CommandContext(ctx, "zstd", "-dcq", file)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := c.read(out); err != nil {
		return errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	return cmd.Wait()
}

func (c *corpus) read(r io.Reader) error {
	kinds := map[string]uint32{}
	lines := bufio.NewScanner(r)
	for lines.Scan() && len(c.names) < corpusSize {
		name, kind, _ := strings.Cut(lines.Text(), "\t")
		set, known := kinds[kind]
		if !known {
			set = uint32(len(kinds))
			kinds[kind] = set
		}
		c.names, c.sets = append(c.names, name), append(c.sets, set)
	}
	c.kinds = len(kinds)
	return lines.Err()
}

func (c *corpus) entries() iter.Seq[names.Entry] {
	return func(yield func(names.Entry) bool) {
		for i, name := range c.names {
			if !yield(names.Entry{Name: name, Set: c.sets[i]}) {
				return
			}
		}
	}
}

var (
	madeUpWords = [...]string{"shop", "play", "casino", "chess", "mill", "video", "stream", "lucky", "blue", "north", "home", "bet", "girls", "cheap", "free", "news"}
	madeUpEnds  = [...]string{"com", "net", "org", "info", "co.uk", "de", "ru", "blogspot.com"}
)

// madeUp gives a name of about 20 bytes, another for each i: it holds i times an
// odd number.
func madeUp(i uint32) string {
	x := i * 0x9e3779b1
	id := strconv.FormatUint(uint64(x)+36*36*36*36*36*36, 36)
	return madeUpWords[x>>8%16] + id + madeUpWords[x>>16%16] + "." + madeUpEnds[x>>24%8]
}
