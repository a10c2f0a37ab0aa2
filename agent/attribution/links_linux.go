package attribution

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// links looks at the links under /proc/*/fd for one that points to a socket. It
// is asked for each connection, so it asks the kernel itself: no files, whose
// opening costs twice as much, and no strings.
type links struct {
	proc   string
	wanted []byte // what the link says: socket:[4711]
	path   []byte
	to     [64]byte
	list   []byte // a part of a folder, as the kernel writes it

	// Of the search at hand:
	limit, looked int  // open files
	denied        bool // a process may not be looked into
}

// A folder's entry, as getdents64(2) has it:
//
//	inode(8) offset(8) length(2) kind(1) name, zero
const (
	direntLength = 16
	direntName   = 19
)

func newLinks(proc string) links { return links{proc: proc, list: make([]byte, 8192)} }

// want says which socket to look for.
func (l *links) want(inode uint32) {
	l.wanted = append(strconv.AppendUint(append(l.wanted[:0], "socket:["...), uint64(inode), 10), ']')
}

// begin starts a search that may look at so many open files.
func (l *links) begin(limit int) { l.limit, l.looked, l.denied = limit, 0, false }

func (l *links) spent() bool { return l.looked >= l.limit }

// folder writes the path of a process's open files, without the zero.
func (l *links) folder(pid int) {
	l.path = append(l.path[:0], l.proc...)
	l.path = strconv.AppendInt(append(l.path, '/'), int64(pid), 10)
	l.path = append(l.path, "/fd"...)
}

// at says whether a process's open file of that number is the socket.
func (l *links) at(pid, fd int) bool {
	l.folder(pid)
	l.path = append(strconv.AppendInt(append(l.path, '/'), int64(fd), 10), 0)
	return l.pointsTo(unix.AT_FDCWD, &l.path[0])
}

// pointsTo reads the link whose name ends with a zero.
func (l *links) pointsTo(dir int, name *byte) bool {
	n, _, errno := unix.Syscall6(unix.SYS_READLINKAT, uintptr(dir), uintptr(unsafe.Pointer(name)),
		uintptr(unsafe.Pointer(&l.to[0])), uintptr(len(l.to)), 0, 0)
	return errno == 0 && string(l.to[:n]) == string(l.wanted)
}

// in returns the socket's number among a process's open files, or -1. there is
// whether the process still is.
func (l *links) in(pid int) (fd int, there bool) {
	l.folder(pid)
	dir, err := unix.Open(string(l.path), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	l.looked++
	if err != nil {
		denied := errors.Is(err, fs.ErrPermission)
		l.denied = l.denied || denied
		return -1, denied
	}
	defer func() { _ = unix.Close(dir) }()
	for !l.spent() {
		n, err := unix.Getdents(dir, l.list)
		if err != nil || n <= 0 {
			break
		}
		if fd := l.among(dir, l.list[:n]); fd >= 0 {
			return fd, true
		}
	}
	return -1, true
}

// among looks at one part of a folder.
func (l *links) among(dir int, part []byte) int {
	for len(part) > direntName {
		length := int(binary.NativeEndian.Uint16(part[direntLength:]))
		if length <= direntName || length > len(part) {
			return -1
		}
		if name := part[direntName:length]; name[0] >= '0' && name[0] <= '9' {
			l.looked++
			if l.pointsTo(dir, &name[0]) {
				return number(name)
			}
		}
		part = part[length:]
	}
	return -1
}

func number(digits []byte) (n int) {
	for _, c := range digits {
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + int(c-'0')
	}
	return n
}
