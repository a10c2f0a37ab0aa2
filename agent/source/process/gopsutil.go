//go:build !darwin

package process

import (
	"context"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v3/process"
)

// psutil is the process list as gopsutil reads it.
type psutil struct {
	accounts map[uint32]string // by uid; account names hardly ever change
}

func newPsutil() *psutil {
	// Creation times count from the boot time, which moves when the clock is
	// set: read anew each time, every process would seem to have been replaced.
	process.EnableBootTimeCache(true)
	return &psutil{accounts: make(map[uint32]string)}
}

func (*psutil) pids(ctx context.Context) ([]int32, error) { return process.PidsWithContext(ctx) }

func (*psutil) exe(ctx context.Context, pid int32) string {
	p := process.Process{Pid: pid}
	exe, err := p.ExeWithContext(ctx)
	if err != nil {
		return ""
	}
	// A file that was replaced by an update while it runs is still the same.
	return strings.TrimSuffix(exe, " (deleted)")
}

func (s *psutil) identity(ctx context.Context, pid int32) (identity, bool) {
	p := process.Process{Pid: pid}
	created, err := p.CreateTimeWithContext(ctx)
	if err != nil {
		return identity{}, false
	}
	return identity{created, s.exe(ctx, pid)}, true
}

// resolve reads what belongs to the identity; its exe comes from there, so that
// what is told is what was remembered.
func (s *psutil) resolve(ctx context.Context, pid int32, id identity) (program, bool) {
	p := process.Process{Pid: pid}
	found := program{pid: pid, exe: id.exe}
	name, err := p.NameWithContext(ctx)
	if err != nil || name == "" {
		if id.exe == "" {
			return program{}, false
		}
		name = filepath.Base(id.exe)
	}
	found.name = name
	if uids, err := p.UidsWithContext(ctx); err == nil && len(uids) > 0 {
		uid := uint32(uids[0]) // the real one: who started it, not whom it may act as
		found.uid = &uid
	}
	return found, true
}

func (s *psutil) program(ctx context.Context, pid int32) (program, bool) {
	id, ok := s.identity(ctx, pid)
	if !ok {
		return program{}, false
	}
	found, ok := s.resolve(ctx, pid, id)
	if ok {
		s.name(ctx, &found)
	}
	return found, ok
}

// name names the account. On Windows that may ask a domain controller who is away.
func (s *psutil) name(ctx context.Context, found *program) {
	if found.uid == nil { // no numbers here: ask for the account itself
		p := process.Process{Pid: found.pid}
		found.user, _ = p.UsernameWithContext(ctx)
		return
	}
	uid := *found.uid
	name, ok := s.accounts[uid]
	if !ok {
		if u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10)); err == nil {
			name = u.Username
			s.accounts[uid] = name
		}
	}
	found.user = name
}
