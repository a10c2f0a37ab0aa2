package attribution

import (
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
	// linksASecond and linksAtOnce bound all searches together: where
	// connections come in storms, or their holders are not to be seen at all,
	// the account must do.
	linksASecond = 10_000
	linksAtOnce  = 2 * linkBudget
	// missFor is how long a search that found nobody is not repeated.
	missFor    = 5 * time.Second
	maxHolders = 4096
	maxHot     = 8
	// besides is how many numbers beside that of a process's last socket are
	// tried before all of its open files: the kernel gives out the lowest free.
	besides = 2
	// lookAgain is after how many processes a search makes sure that the socket
	// is still open.
	lookAgain = 32
)

// holders finds which process holds a socket, by the links under /proc/*/fd.
type holders struct {
	proc  string
	now   func() time.Time
	known map[uint32]holder
	hot   []hotHolder // that held the last sockets asked for, latest first
	links links
	// budget is how many links may still be looked at; it fills with time.
	budget   int
	budgeted time.Time
}

// holder is where a socket was found, or until when not to look again.
type holder struct {
	pid, fd int
	missed  time.Time
	reason  why
}

// hotHolder is a process that holds sockets, the account of the last, and its
// number among the process's open files.
type hotHolder struct {
	pid, fd int
	uid     uint32
}

func newHolders(proc string, now func() time.Time) *holders {
	return &holders{
		proc: proc, now: now, known: make(map[uint32]holder), links: newLinks(proc), budget: linksAtOnce, budgeted: now(),
	}
}

// pid returns the process that holds the socket.
//
// recent are processes that started lately, the latest last. open says whether
// the socket is still there; a search for one that is not ends early.
func (h *holders) pid(s socket, recent []int, open func() bool) (int, error) {
	h.links.want(s.inode)
	if got, ok := h.known[s.inode]; ok {
		switch {
		case got.pid == 0 && h.now().Before(got.missed):
			return 0, got.reason
		case got.pid != 0 && h.links.at(got.pid, got.fd):
			h.heat(got, s.uid)
			return got.pid, nil
		}
		delete(h.known, s.inode)
	}
	got, ok := h.guess(s)
	if !ok {
		got = h.search(s, recent, open)
	}
	if len(h.known) >= maxHolders {
		clear(h.known)
	}
	h.known[s.inode] = got
	if got.pid == 0 {
		return 0, got.reason
	}
	h.heat(got, s.uid)
	return got.pid, nil
}

// guess tries where the account's last sockets were, and beside it.
func (h *holders) guess(s socket) (holder, bool) {
	for _, hot := range h.hot {
		if hot.uid != s.uid {
			continue
		}
		for fd := hot.fd; fd <= hot.fd+besides; fd++ {
			if h.links.at(hot.pid, fd) {
				return holder{pid: hot.pid, fd: fd}, true
			}
		}
	}
	return holder{}, false
}

// search looks first at the processes that held the last sockets and at what
// started last, then at the account's own processes, the newest first, then at
// all others: a process may have changed its account since it made the socket,
// or hide whose it is.
func (h *holders) search(s socket, recent []int, open func() bool) holder {
	h.refill()
	h.links.begin(min(linkBudget, h.budget))
	defer func() { h.budget -= h.links.looked }()
	tried := make(map[int]bool, maxHot+len(recent))
	look := func(pid int) (got holder, there bool) {
		tried[pid] = true
		fd, there := h.links.in(pid)
		return holder{pid: pid, fd: fd}, there
	}
	for _, hot := range slices.Clone(h.hot) {
		got, there := look(hot.pid)
		if got.fd >= 0 {
			return got
		}
		if !there {
			h.hot = slices.DeleteFunc(h.hot, func(gone hotHolder) bool { return gone.pid == hot.pid })
		}
	}
	for _, pid := range slices.Backward(recent) {
		if tried[pid] || !h.ownedBy(pid, s.uid) {
			continue
		}
		if got, _ := look(pid); got.fd >= 0 {
			return got
		}
	}
	return h.searchAll(s, tried, open)
}

// searchAll counts a look at a process as one at an open file.
func (h *holders) searchAll(s socket, tried map[int]bool, open func() bool) holder {
	miss := func(reason why) holder { return holder{missed: h.now().Add(missFor), reason: reason} }
	if h.links.spent() {
		return miss(whyTooLong)
	}
	if !open() {
		return miss(whyClosed)
	}
	pids, looks := h.pids(), 0
	h.links.looked += len(pids)
	for _, own := range []bool{true, false} {
		for _, pid := range pids {
			if tried[pid] || (own && !h.ownedBy(pid, s.uid)) {
				continue
			}
			if looks++; looks%lookAgain == 0 && !open() {
				return miss(whyClosed)
			}
			tried[pid] = true
			if fd, _ := h.links.in(pid); fd >= 0 {
				return holder{pid: pid, fd: fd}
			}
			if h.links.spent() {
				return miss(whyTooLong)
			}
		}
	}
	if h.links.denied {
		return miss(whyHolders)
	}
	return miss(whyNoProcess)
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

// heat puts a holder first among those to look at first.
func (h *holders) heat(got holder, uid uint32) {
	h.hot = slices.DeleteFunc(h.hot, func(hot hotHolder) bool { return hot.pid == got.pid })
	h.hot = slices.Insert(h.hot, 0, hotHolder{got.pid, got.fd, uid})
	if len(h.hot) > maxHot {
		h.hot = h.hot[:maxHot]
	}
}

// refill lets time make up for what searches looked at.
func (h *holders) refill() {
	now := h.now()
	passed := min(now.Sub(h.budgeted), time.Minute)
	if more := int(passed.Seconds() * linksASecond); more > 0 {
		h.budget, h.budgeted = min(linksAtOnce, h.budget+more), now
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
