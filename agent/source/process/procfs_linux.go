package process

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// procfs is the process list read directly: polling looks at every process each
// second, and gopsutil takes ten times as long over it.
type procfs struct {
	*psutil
	buf [4096]byte // one goroutine polls
}

func newSystem() system { return &procfs{psutil: newPsutil()} }

func (*procfs) pids(context.Context) ([]int32, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("reading /proc: %w", err)
	}
	pids := make([]int32, 0, len(names))
	for _, name := range names {
		if name[0] < '0' || name[0] > '9' {
			continue
		}
		if pid, err := strconv.ParseInt(name, 10, 32); err == nil {
			pids = append(pids, int32(pid))
		}
	}
	return pids, nil
}

func (p *procfs) exe(_ context.Context, pid int32) string {
	n, err := unix.Readlink("/proc/"+strconv.Itoa(int(pid))+"/exe", p.buf[:])
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(p.buf[:n]), " (deleted)") // replaced by an update while it runs
}

func (p *procfs) identity(ctx context.Context, pid int32) (identity, bool) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(int(pid))+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return identity{}, false
	}
	n, err := unix.Read(fd, p.buf[:])
	_ = unix.Close(fd)
	if err != nil {
		return identity{}, false
	}
	parent, created, ok := parseStat(p.buf[:n])
	if !ok {
		return identity{}, false
	}
	exe := p.exe(ctx, pid)
	if exe == "" && (pid == kthreadd || parent == kthreadd) {
		return identity{}, false // a thread of the kernel runs no program
	}
	return identity{created, exe}, true
}

func (p *procfs) program(ctx context.Context, pid int32) (program, bool) {
	id, ok := p.identity(ctx, pid)
	if !ok {
		return program{}, false
	}
	found, ok := p.resolve(ctx, pid, id)
	if ok {
		p.name(ctx, &found)
	}
	return found, ok
}

// kthreadd is the process that all of the kernel's threads are children of.
const kthreadd = 2

// parseStat reads the parent and the time of creation, in ticks since boot, from
// /proc/PID/stat. The name in brackets may hold anything:
//
//	4242 (a (b) c) S 4100 4242 4100 34816 4242 4194304 1 0 0 0 0 0 0 0 20 0 1 0 911722 ...
func parseStat(b []byte) (parent int32, created int64, ok bool) {
	end := bytes.LastIndexByte(b, ')')
	if end < 0 {
		return 0, 0, false
	}
	const ppid, start = 1, 19 // counted from the state, which follows the name
	field := 0
	for f := range bytes.FieldsSeq(b[end+1:]) {
		switch field {
		case ppid:
			n, err := strconv.ParseInt(string(f), 10, 32)
			if err != nil {
				return 0, 0, false
			}
			parent = int32(n)
		case start:
			n, err := strconv.ParseInt(string(f), 10, 64)
			return parent, n, err == nil
		}
		field++
	}
	return 0, 0, false
}
