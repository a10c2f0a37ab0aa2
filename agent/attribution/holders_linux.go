package attribution

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

const (
	// linkBudget bounds one search for a socket's holder, in open files looked
	// at, some 20 ms of them: a process may hold a million.
	linkBudget = 20_000
	// missFor is how long a search that found nobody is not repeated.
	missFor    = 5 * time.Second
	maxHolders = 4096
	maxHot     = 8
)

// holders finds which process holds a socket, by the links under /proc/*/fd.
type holders struct {
	proc  string
	now   func() time.Time
	known map[uint32]holder
	hot   []int // the pids that held the last sockets asked for, latest first
	// denied is whether the last search met a process that it may not look into.
	denied bool
	looked int // open files, in the last search
}

// holder is where a socket was found, or until when not to look again.
type holder struct {
	pid    int
	link   string // the link that pointed to the socket
	missed time.Time
	reason why
}

func newHolders(proc string, now func() time.Time) *holders {
	return &holders{proc: proc, now: now, known: make(map[uint32]holder)}
}

// pid returns the process that holds the socket.
//
// recent are processes that started lately, the latest last.
func (h *holders) pid(s socket, recent []int) (int, error) {
	want := "socket:[" + strconv.FormatUint(uint64(s.inode), 10) + "]"
	if got, ok := h.known[s.inode]; ok {
		switch {
		case got.pid == 0 && h.now().Before(got.missed):
			return 0, got.reason
		case got.pid != 0 && pointsTo(got.link, want):
			h.heat(got.pid)
			return got.pid, nil
		}
		delete(h.known, s.inode)
	}
	got := h.search(s, want, recent)
	if len(h.known) >= maxHolders {
		clear(h.known)
	}
	h.known[s.inode] = got
	if got.pid == 0 {
		return 0, got.reason
	}
	h.heat(got.pid)
	return got.pid, nil
}

func pointsTo(link, want string) bool {
	to, err := os.Readlink(link)
	return err == nil && to == want
}

// search looks first where the last sockets were and at what started last, then
// at the account's own processes, the newest first, then at all others: a
// process may have changed its account since it made the socket, or hide whose
// it is.
func (h *holders) search(s socket, want string, recent []int) holder {
	h.denied, h.looked = false, 0
	tried := make(map[int]bool, maxHot)
	look := func(pid int) (holder, bool) {
		tried[pid] = true
		link := h.linkIn(pid, want)
		return holder{pid: pid, link: link}, link != ""
	}
	for _, pid := range h.hot {
		if got, ok := look(pid); ok {
			return got
		}
	}
	for _, pid := range slices.Backward(recent) {
		if tried[pid] || !h.ownedBy(pid, s.uid) {
			continue
		}
		if got, ok := look(pid); ok {
			return got
		}
	}
	pids := h.pids()
	for _, own := range []bool{true, false} {
		for _, pid := range pids {
			if tried[pid] || (own && !h.ownedBy(pid, s.uid)) {
				continue
			}
			if h.looked > linkBudget {
				return holder{missed: h.now().Add(missFor), reason: whyTooLong}
			}
			if got, ok := look(pid); ok {
				return got
			}
		}
	}
	reason := why(whyNoProcess)
	if h.denied {
		reason = whyHolders
	}
	return holder{missed: h.now().Add(missFor), reason: reason}
}

// linkIn returns the link to want among a process's open files.
func (h *holders) linkIn(pid int, want string) string {
	dir := filepath.Join(h.proc, strconv.Itoa(pid), "fd")
	f, err := os.Open(dir)
	if err != nil {
		h.denied = h.denied || errors.Is(err, fs.ErrPermission)
		return ""
	}
	defer func() { _ = f.Close() }()
	for {
		names, err := f.Readdirnames(256)
		h.looked += len(names) + 1
		for _, name := range names {
			if link := dir + "/" + name; pointsTo(link, want) {
				return link
			}
		}
		if err != nil || len(names) == 0 {
			return ""
		}
	}
}

// pids lists the processes, the newest numbers first.
func (h *holders) pids() []int {
	f, err := os.Open(h.proc)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	names, _ := f.Readdirnames(-1)
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.SortFunc(pids, func(a, b int) int { return b - a })
	return pids
}

// heat puts pid first among those to look at first.
func (h *holders) heat(pid int) {
	if i := slices.Index(h.hot, pid); i >= 0 {
		h.hot = slices.Delete(h.hot, i, i+1)
	}
	h.hot = slices.Insert(h.hot, 0, pid)
	if len(h.hot) > maxHot {
		h.hot = h.hot[:maxHot]
	}
}

// ownedBy says whether a process runs under the account.
func (h *holders) ownedBy(pid int, uid uint32) bool {
	info, err := os.Stat(filepath.Join(h.proc, strconv.Itoa(pid)))
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Uid == uid
}
