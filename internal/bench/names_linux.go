package main

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"safelight/internal/rules/names"
)

func usage(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func cpuTime() time.Duration { return usage(syscall.RUSAGE_SELF) }

func threadTime() time.Duration { return usage(1) } // RUSAGE_THREAD

// heldTable is a table mapped from a file, as on a device.
type heldTable struct {
	table  *names.Table
	memory row
	dir    string
	mapped []byte
}

// openTable writes a table, has another process open it and say what memory that
// took, and opens it here.
func openTable(ctx context.Context, b []byte, c *corpus) (h *heldTable, err error) {
	h = &heldTable{}
	if h.dir, err = os.MkdirTemp("", "sl-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	table, hosts, holder := filepath.Join(h.dir, "names.tbl"), filepath.Join(h.dir, "hosts"), filepath.Join(h.dir, "nameholder")
	var asked strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&asked, "www.%s\nwww.%s\n", c.names[i*7919%len(c.names)], madeUp(uint32(corpusSize+i)))
	}
	err = errors.Join(os.WriteFile(table, b, 0o600), os.WriteFile(hosts, []byte(asked.String()), 0o600), run2(ctx, "go", "build", "-o", holder, "./internal/bench/nameholder"))
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, holder, table, hosts).Output()
	if err != nil {
		return nil, fmt.Errorf("opening the table in another process: %w", err)
	}
	var before, own, mapped, found int
	if _, err := fmt.Sscan(string(out), &before, &own, &mapped, &found); err != nil {
		return nil, fmt.Errorf("reading %q: %w", out, err)
	}
	h.memory = row{"names: anonymous memory of a process that has the table open", fmt.Sprintf("%.1f MB, %.1f before", float64(own)/1024, float64(before)/1024), "at most 8 MB", fmt.Sprintf("%.0f MB of the file and program mapped, after 400,000 look-ups", float64(mapped)/1024)}
	f, err := os.Open(table)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if h.mapped, err = syscall.Mmap(int(f.Fd()), 0, len(b), syscall.PROT_READ, syscall.MAP_SHARED); err != nil {
		return nil, err
	}
	h.table, err = names.Open(h.mapped)
	return h, err
}

func (h *heldTable) close() {
	if h.mapped != nil {
		_ = syscall.Munmap(h.mapped)
	}
	_ = os.RemoveAll(h.dir)
}

// strangerHosts have three names each: 3*2^28 and more names, so that none being
// taken for a listed one says, with 95 % confidence, that fewer than one in 2^28
// is.
const strangerHosts = 1<<28 + 1<<24

// strangers looks up hosts of which no list has any, and counts those found.
func strangers(ctx context.Context, t *names.Table, _ *corpus) ([]row, error) {
	const parts = 2
	var found [parts]int
	var wait sync.WaitGroup
	for p := range parts {
		wait.Go(func() {
			host := []byte("00000000.b00000000.c00000000.invalid")
			var n [4]byte
			for i := p; i < strangerHosts && (i>>1%(1<<16) != 0 || ctx.Err() == nil); i += parts {
				binary.LittleEndian.PutUint32(n[:], uint32(i))
				hex.Encode(host, n[:])
				hex.Encode(host[10:], n[:])
				hex.Encode(host[20:], n[:])
				t.Each(unsafe.String(&host[0], len(host)), func(int, uint32) bool { found[p]++; return true })
			}
		})
	}
	wait.Wait()
	asked := 3 * strangerHosts
	return []row{{
		"names: names that no list has, taken for listed", fmt.Sprintf("%d of %d", found[0]+found[1], asked), "at most one in 2^28: 3",
		fmt.Sprintf("reckoned: %.1f, one in 2^30 or fewer", float64(asked)/(1<<30)),
	}}, ctx.Err()
}
