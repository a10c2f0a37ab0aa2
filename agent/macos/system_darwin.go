package macos

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sockets lists the sockets of "tcp" or "udp". It costs some tenths of a
// millisecond.
func Sockets(proto string) ([]Socket, error) {
	b, err := unix.SysctlRaw("net.inet." + proto + ".pcblist_n")
	if errors.Is(err, unix.ENOMEM) { // it grew between being measured and read
		b, err = unix.SysctlRaw("net.inet." + proto + ".pcblist_n")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the table of %s sockets: %w", proto, err)
	}
	return ParseSockets(b), nil
}

// Processes lists every process, the kernel itself apart.
func Processes() ([]Process, error) {
	table, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil, fmt.Errorf("reading the process table: %w", err)
	}
	all := make([]Process, 0, len(table))
	for i := range table {
		if p := entry(&table[i]); p.PID > 0 {
			all = append(all, p)
		}
	}
	return all, nil
}

// Find says what runs as pid; false if nothing does.
func Find(pid int) (Process, bool) {
	if pid <= 0 {
		return Process{}, false
	}
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return Process{}, false
	}
	p := entry(k)
	return p, p.PID == pid
}

func entry(k *unix.KinfoProc) Process {
	const zombie = 5 // SZOMB of sys/proc.h
	started := k.Proc.P_starttime
	return Process{
		PID: int(k.Proc.P_pid), Parent: int(k.Eproc.Ppid), UID: k.Eproc.Pcred.P_ruid,
		Name: text(k.Proc.P_comm[:]), Started: time.Unix(started.Sec, int64(started.Usec)*1000),
		Ended: k.Proc.P_stat == zombie,
	}
}

// Exe is the absolute path of the file that a process runs; empty where that is
// not to be seen: it has ended, or is another account's and the agent not root.
func Exe(pid int) string { return thisMac.exe(pid) }

var thisMac = kernel{
	info: procInfo,
	args: func(pid int) ([]byte, error) { return unix.SysctlRaw("kern.procargs2", pid) },
}

// procInfo asks the kernel one thing of a process (libproc's proc_pidinfo). The
// kernel has no other way in to it without cgo.
func procInfo(pid int, what uintptr, b []byte) (n uintptr, errno syscall.Errno) {
	const pidInfo = 2
	n, _, errno = syscall.Syscall6(syscall.SYS_PROC_INFO, pidInfo, uintptr(pid), what, 0, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	runtime.KeepAlive(b)
	return n, errno
}

// Usage is what this process itself has taken: processor time since it started,
// and resident memory in bytes.
func Usage() (cpu time.Duration, resident uint64, err error) {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		return 0, 0, fmt.Errorf("reading processor time: %w", err)
	}
	const taskInfo, size = 4, 96 // struct proc_taskinfo: virtual size(8) resident size(8) ...
	b := make([]byte, size)
	if n, errno := procInfo(os.Getpid(), taskInfo, b); errno != 0 || n < size {
		return 0, 0, fmt.Errorf("reading memory: %w", errno)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()), binary.LittleEndian.Uint64(b[8:]), nil
}

// Console is the account of the person in front of the screen; false where
// nobody is signed in there, and the login window shows.
func Console() (uint32, bool) {
	var st unix.Stat_t
	if err := unix.Stat("/dev/console", &st); err != nil || !Person(st.Uid) {
		return 0, false
	}
	return st.Uid, true
}

// People lists who is signed in; nil where that cannot be read.
func People() []SignedIn {
	f, err := os.Open("/var/run/utmpx")
	if err != nil {
		return nil
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return nil
	}
	return ParseSignedIn(b)
}

// Passwd asks the system's directory (Open Directory, and what it is bound to)
// for an account, as a line of passwd(5); nothing and no error means that there
// is none. The directory cannot be asked to hurry: when ctx ends, the question
// is left behind.
func Passwd(ctx context.Context, uid uint32) ([]byte, error) {
	type answer struct {
		who *user.User
		err error
	}
	got := make(chan answer, 1)
	go func() {
		who, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
		got <- answer{who, err}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case a := <-got:
		var unknown user.UnknownUserIdError
		switch {
		case errors.As(a.err, &unknown):
			return nil, nil
		case a.err != nil:
			return nil, fmt.Errorf("asking the directory for an account: %w", a.err)
		}
		return fmt.Appendf(nil, "%s:*:%s:%s::%s:\n", a.who.Username, a.who.Uid, a.who.Gid, a.who.HomeDir), nil
	}
}
