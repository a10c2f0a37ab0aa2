//go:build linux

// Command nameholder opens a table of names as a device does, looks hosts up in
// it and says what memory that took, in KB: of its own, and of the file. It is
// small, so that what `make bench` reads is the table's doing.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"safelight/internal/rules/names"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: nameholder TABLE HOSTS")
		os.Exit(2)
	}
	if err := hold(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "nameholder:", err)
		os.Exit(1)
	}
}

func hold(table, hosts string) error {
	f, err := os.Open(table)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("mapping %s: %w", table, err)
	}
	before, _, err := memory()
	if err != nil {
		return err
	}
	t, err := names.Open(b)
	if err != nil {
		return err
	}
	found, err := lookUp(t, hosts)
	if err != nil {
		return err
	}
	own, mapped, err := memory()
	fmt.Println(before, own, mapped, found)
	return errors.Join(err, syscall.Munmap(b))
}

func lookUp(t *names.Table, hosts string) (found int, err error) {
	f, err := os.Open(hosts)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		t.Each(lines.Text(), func(int, uint32) bool { found++; return true })
	}
	return found, lines.Err()
}

// memory reads what this process holds of its own and of files, in KB.
func memory() (own, files int, err error) {
	debug.FreeOSMemory()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(b)) {
		name, rest, _ := strings.Cut(line, ":")
		n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
		switch name {
		case "RssAnon":
			own = n
		case "RssFile":
			files = n
		}
	}
	return own, files, nil
}
