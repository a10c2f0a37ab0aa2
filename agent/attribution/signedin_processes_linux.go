package attribution

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// theMachines is the namespace of processes that the kernel begins with
// (PROC_PID_INIT_INO): who looks from there sees every process there is.
const theMachines = "pid:[4026531836]"

// Why processes do not prove who is here.
var (
	errContainer = errors.New("this is a container, and who sits at the machine around it cannot be seen")
	errHiddenAll = errors.New("other accounts' processes are hidden (proc's hidepid)")
)

// sessionsInProcesses lists who may be signed in where no logind keeps sessions:
// whatever a session is made of, somebody's processes are in it. So an account is
// here if a person's number stands on any process, if a person signed in to what
// became of it (the kernel's loginuid), or if a process of the system's accounts
// holds a terminal at which no person's session runs. Services do none of it. A
// daemon that a person once restarted counts as theirs: rather one too many. utmp
// is not read: it is a summary of this, and some systems no longer keep it.
func sessionsInProcesses(root string) ([]string, error) {
	f := files{root}
	if err := seesEveryProcess(f); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(root, "proc"))
	if err != nil {
		return nil, err
	}
	found := map[uint32]bool{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid <= 0 {
			continue
		}
		uids, err := peopleOf(f, pid)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ESRCH):
			continue // it ended
		case err != nil:
			return nil, fmt.Errorf("reading a process: %w", err)
		}
		for _, uid := range uids {
			found[uid] = true
		}
	}
	return accountNames(f, found), nil
}

// seesEveryProcess refuses where processes may be hidden from the agent.
func seesEveryProcess(f files) error {
	namespace, err := f.link("proc/self/ns/pid")
	if err != nil {
		return fmt.Errorf("finding which processes are seen: %w", err)
	}
	if namespace != theMachines {
		return errContainer
	}
	if _, err := f.read("proc/1/status", 4<<10); err != nil {
		return errHiddenAll
	}
	return nil
}

// peopleOf are the accounts that a process shows to be here; none for one of the
// system's own.
func peopleOf(f files, pid int) ([]uint32, error) {
	uids, comm, at, err := standing(f, pid)
	if err != nil {
		return nil, err
	}
	var here []uint32
	for _, uid := range uids {
		if person(uid) {
			here = append(here, uid)
		}
	}
	signedIn, err := loginOf(f, pid)
	switch {
	case err != nil:
		return nil, err
	case person(signedIn): // jobs that the system starts by itself have root's, or none
		here = append(here, signedIn)
	case len(here) == 0 && at.tty != 0 && !waiters[comm] && !ledByAPerson(f, at.leader):
		here = append(here, uids[0])
	}
	return here, nil
}

// standing reads under which accounts a process runs, its name, and where.
func standing(f files, pid int) (uids []uint32, comm string, at terminal, err error) {
	text, err := f.read(procPath(pid, "status"), 64<<10)
	if err != nil {
		return nil, "", at, err
	}
	if uids = allUIDs(text); len(uids) == 0 {
		return nil, "", at, errors.New("its status says no account")
	}
	stat, err := f.read(procPath(pid, "stat"), 4<<10)
	if err != nil {
		return nil, "", at, err
	}
	comm, at, ok := terminalOf(stat)
	if !ok {
		return nil, "", at, errors.New("its stat says no terminal")
	}
	return uids, comm, at, nil
}

// loginOf is who signed in to what a process came of, whoever it runs as now.
func loginOf(f files, pid int) (uint32, error) {
	text, err := f.read(procPath(pid, "loginuid"), 64)
	if errors.Is(err, fs.ErrNotExist) {
		return noLogin, nil // a kernel without audit
	}
	if err != nil {
		return 0, err
	}
	uid, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err != nil {
		return 0, errors.New("its loginuid is no number")
	}
	return uint32(uid), nil
}

// ledByAPerson says that a terminal's session was begun by a person, whom their
// own processes list: what runs there as root is theirs (su, sudo).
func ledByAPerson(f files, leader int) bool {
	text, err := f.read(procPath(leader, "status"), 64<<10)
	return err == nil && slices.ContainsFunc(allUIDs(text), person)
}

// waiters hold a terminal at which nobody has signed in yet.
var waiters = map[string]bool{"getty": true, "agetty": true, "mingetty": true, "fgetty": true, "ngetty": true}

// allUIDs reads under which accounts a process runs, for itself and for files:
//
//	Uid:	0	1000	0	1000
func allUIDs(status []byte) (uids []uint32) {
	for line := range bytes.Lines(status) {
		rest, ok := bytes.CutPrefix(line, []byte("Uid:"))
		if !ok {
			continue
		}
		for _, field := range bytes.Fields(rest) {
			uid, err := strconv.ParseUint(string(field), 10, 32)
			if err != nil {
				return nil
			}
			uids = append(uids, uint32(uid))
		}
		return uids
	}
	return nil
}

// terminal is where a process runs.
type terminal struct {
	leader int   // of its session
	tty    int64 // the terminal's number; nought: none
}

// terminalOf reads a process's name and where it runs. The name may hold anything
// (proc_pid_stat(5)):
//
//	412 (agetty) S 1 412 412 1025 412 4194304 ...
func terminalOf(stat []byte) (comm string, at terminal, ok bool) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return "", at, false
	}
	fields := bytes.Fields(stat[end+1:])
	if len(fields) < 5 {
		return "", at, false
	}
	leader, err1 := strconv.Atoi(string(fields[3]))
	tty, err2 := strconv.ParseInt(string(fields[4]), 10, 64)
	return string(stat[open+1 : end]), terminal{leader, tty}, err1 == nil && err2 == nil
}

// accountNames are the names of accounts that stand in /etc/passwd; of others,
// their numbers.
func accountNames(f files, uids map[uint32]bool) []string {
	passwd, err := f.read("etc/passwd", passwdLimit)
	if err != nil {
		passwd = nil // each is a number then
	}
	var names []string
	for uid := range uids {
		if e, ok := parsePasswd(passwd, uid); ok {
			names = append(names, e.login)
		} else {
			names = append(names, "uid "+strconv.FormatUint(uint64(uid), 10))
		}
	}
	return names
}
