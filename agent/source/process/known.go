package process

import "context"

// program is a process that runs a program.
type program struct {
	pid  int32
	name string
	exe  string
	uid  *uint32
	user string
}

// identity tells one run of a program from another. The same pid with another
// creation time is another process; the same process with another file is one
// that has replaced its program since it was forked.
type identity struct {
	created int64 // in whatever the system counts; it is only compared
	exe     string
}

// system is the operating system's process list.
type system interface {
	// pids lists the processes that run.
	pids(ctx context.Context) ([]int32, error)
	// exe is the file that a process runs, as identity has it; empty where
	// that is not to be seen. It must be cheap: it is asked of every process
	// at every look.
	exe(ctx context.Context, pid int32) string
	// identity says what a process is; false if it is gone, or is none that
	// runs a program (a kernel's thread).
	identity(ctx context.Context, pid int32) (identity, bool)
	// resolve finds out about a process; false if it is gone. It is done between
	// two looks, so that it does not name the account: a directory that is away
	// would hold the next look up, and what starts and ends meanwhile is missed.
	resolve(ctx context.Context, pid int32, id identity) (program, bool)
	// program is both for one pid, with the account's name; false if it is gone.
	program(ctx context.Context, pid int32) (program, bool)
}

// known remembers which processes have been told.
type known struct {
	system system
	seen   map[int32]entry
	round  uint32
}

type entry struct {
	id    identity
	idle  bool   // runs no program
	first uint32 // the look that first saw it so
	round uint32 // the look that last saw it
}

// thoroughly is every how many looks creation times are compared too. They
// cost twenty times what the file's name does, and matter only where a pid came
// round again between two looks.
const thoroughly = 10

// What has run the same program for settled looks hardly ever takes up another:
// it is looked at in every few looks only.
const (
	settled  = 10
	everyFew = 5
)

func newKnown(s system) *known { return &known{system: s, seen: make(map[int32]entry)} }

// baseline remembers what runs already, silently.
func (k *known) baseline(ctx context.Context) error {
	_, err := k.walk(ctx)
	return err
}

// look returns the programs that started since the last look.
func (k *known) look(ctx context.Context) ([]program, error) {
	fresh, err := k.walk(ctx)
	var started []program
	for _, pid := range fresh {
		if p, ok := k.system.resolve(ctx, pid, k.seen[pid].id); ok {
			started = append(started, p)
		}
	}
	return started, err
}

// walk brings seen up to date and returns the pids that are new or changed.
func (k *known) walk(ctx context.Context) ([]int32, error) {
	pids, err := k.system.pids(ctx)
	if err != nil {
		return nil, err
	}
	k.round++
	var fresh []int32
	for _, pid := range pids {
		had, again := k.seen[pid]
		if again && k.unchanged(ctx, pid, had) {
			had.round = k.round
			k.seen[pid] = had
			continue
		}
		id, runs := k.system.identity(ctx, pid)
		if runs && (!again || had.idle || changed(had.id, id)) {
			fresh = append(fresh, pid)
		}
		first := k.round
		if again && !changed(had.id, id) {
			first = had.first
		}
		k.seen[pid] = entry{id, !runs, first, k.round}
	}
	for pid, e := range k.seen {
		if e.round != k.round {
			delete(k.seen, pid)
		}
	}
	return fresh, nil
}

// unchanged is the quick look at a process that is known.
func (k *known) unchanged(ctx context.Context, pid int32, e entry) bool {
	if k.round%thoroughly == 0 {
		return false
	}
	if e.idle || k.round-e.first > settled && (k.round+uint32(pid))%everyFew != 0 {
		return true
	}
	return k.system.exe(ctx, pid) == e.id.exe
}

// changed says whether another program runs. One that has ended and waits for
// its parent shows no file: it is still the one it was.
func changed(was, is identity) bool {
	return was.created != is.created || (is.exe != "" && was.exe != is.exe)
}
