package process

import (
	"context"

	"safelight/agent/macos"
)

// macSystem is what macOS says, as package macos reads it.
type macSystem struct {
	list    func() ([]macos.Process, error)
	find    func(pid int) (macos.Process, bool)
	exe     func(pid int) string
	account func(uid uint32) string
}

// mac is the process list as the kernel tells it. gopsutil without cgo would run
// ps and lsof for each question, hundreds of times a second.
type mac struct {
	system   macSystem
	table    map[int32]macos.Process // as of the last look
	files    map[int32]file
	accounts map[uint32]string // by uid; account names hardly ever change
}

// file is the program of a process while the kernel calls it by name: a process
// that takes up another program is called by that one's.
type file struct {
	started int64
	name    string
	exe     string
}

func newMac(s macSystem) *mac {
	return &mac{system: s, table: make(map[int32]macos.Process), files: make(map[int32]file), accounts: make(map[uint32]string)}
}

func (m *mac) pids(context.Context) ([]int32, error) {
	all, err := m.system.list()
	if err != nil {
		return nil, err
	}
	clear(m.table)
	pids := make([]int32, 0, len(all))
	for _, p := range all {
		pid := int32(p.PID)
		m.table[pid] = p
		pids = append(pids, pid)
	}
	for pid := range m.files {
		if _, runs := m.table[pid]; !runs {
			delete(m.files, pid)
		}
	}
	return pids, nil
}

func (m *mac) exe(_ context.Context, pid int32) string {
	p, ok := m.table[pid]
	if !ok || p.Ended {
		return ""
	}
	if had, ok := m.files[pid]; ok && had.started == p.Started.UnixMicro() && had.name == p.Name {
		return had.exe
	}
	return m.read(pid, p)
}

func (m *mac) read(pid int32, p macos.Process) string {
	exe := m.system.exe(int(pid))
	m.files[pid] = file{p.Started.UnixMicro(), p.Name, exe}
	return exe
}

func (m *mac) identity(_ context.Context, pid int32) (identity, bool) {
	p, ok := m.table[pid]
	if !ok {
		return identity{}, false
	}
	id := identity{created: p.Started.UnixMicro()}
	if !p.Ended {
		id.exe = m.read(pid, p)
	}
	return id, true
}

func (m *mac) resolve(_ context.Context, pid int32, id identity) (program, bool) {
	p, ok := m.table[pid]
	if !ok {
		return program{}, false
	}
	return m.describe(p, id.exe), true
}

// program asks anew: between two looks the table is old.
func (m *mac) program(_ context.Context, pid int32) (program, bool) {
	p, ok := m.system.find(int(pid))
	if !ok {
		return program{}, false
	}
	found := m.describe(p, m.system.exe(int(pid)))
	found.user = m.accountOf(p.UID)
	return found, true
}

func (m *mac) accountOf(uid uint32) string {
	name, ok := m.accounts[uid]
	if !ok {
		if name = m.system.account(uid); name != "" {
			m.accounts[uid] = name
		}
	}
	return name
}

func (m *mac) describe(p macos.Process, exe string) program {
	uid := p.UID
	return program{pid: int32(p.PID), name: macos.FullName(p.Name, exe), exe: exe, uid: &uid}
}
