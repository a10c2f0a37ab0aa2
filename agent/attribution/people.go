//go:build linux || darwin

package attribution

import (
	"context"
	"strconv"
	"sync"
	"time"

	"safelight/internal/event"
)

const (
	// accountsFor is how long what was found of an account is believed, and how
	// long one without a name is not asked for again: a directory service that
	// is away must not be asked each time.
	accountsFor = 5 * time.Minute
	// directoryWait is how long somebody waits for the directory; its answer is
	// kept for the next, if it takes no longer than directoryTimeout.
	directoryWait    = 100 * time.Millisecond
	directoryTimeout = 5 * time.Second
	// A directory that is away is asked again sooner.
	directoryAgain = 30 * time.Second
	maxAsking      = 2
	maxPeople      = 4096
	passwdLimit    = 4 << 20
)

// account is what is known of a uid.
type account struct {
	login, domain, home string
	reason              event.Reason // why it has no login
	until               time.Time
}

// people finds the accounts of uids: in /etc/passwd, in logind's files of those
// who are signed in, in the directory (SSSD, winbind, systemd's own), which is
// asked through getent, since a program without libc has no other way to it.
type people struct {
	files files
	now   func() time.Time
	// ask returns a passwd line, or nothing where there is no such account.
	ask func(ctx context.Context, uid uint32) ([]byte, error)

	stop context.CancelFunc
	ctx  context.Context
	wg   sync.WaitGroup

	mu     sync.Mutex // guards what follows
	known  map[uint32]account
	asking map[uint32]*asked
}

// asked is a question that the directory has not answered yet.
type asked struct {
	done chan struct{} // closed once known has the answer
	late chan struct{} // closed once nobody waits for it any more
}

func newPeople(f files, now func() time.Time, ask func(context.Context, uint32) ([]byte, error)) *people {
	ctx, stop := context.WithCancel(context.Background())
	return &people{
		files: f, now: now, ask: ask, ctx: ctx, stop: stop,
		known: make(map[uint32]account), asking: make(map[uint32]*asked),
	}
}

func (p *people) close() {
	p.stop()
	p.wg.Wait()
}

// find returns a uid's account. It waits for the directory until directoryWait
// after the question was put to it, whoever did: capture stands still meanwhile,
// and is held up once for a question, not once for each connection.
func (p *people) find(uid uint32) account {
	p.mu.Lock()
	if got, ok := p.known[uid]; ok && p.now().Before(got.until) {
		p.mu.Unlock()
		return got
	}
	p.mu.Unlock()
	if got, ok := p.local(uid); ok {
		p.keep(uid, got, accountsFor)
		return got
	}
	q := p.request(uid)
	if q == nil {
		return account{reason: event.ReasonDirectory}
	}
	select {
	case <-q.done:
	case <-q.late:
		return account{reason: event.ReasonDirectory}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if got, ok := p.known[uid]; ok {
		return got
	}
	return account{reason: event.ReasonDirectory}
}

// local looks where no other program need be asked.
func (p *people) local(uid uint32) (account, bool) {
	if b, err := p.files.read("etc/passwd", passwdLimit); err == nil {
		if e, ok := parsePasswd(b, uid); ok {
			return e.account(), true
		}
	}
	if b, err := p.files.read("run/systemd/users/"+strconv.FormatUint(uint64(uid), 10), 64<<10); err == nil {
		if name := parseUser(b).name; name != "" {
			return entry{login: name}.account(), true
		}
	}
	return account{}, false
}

func (e entry) account() account {
	_, domain := event.SplitAccount(e.login)
	return account{login: e.login, domain: domain, home: e.home}
}

func (p *people) keep(uid uint32, a account, life time.Duration) {
	a.until = p.now().Add(life)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) >= maxPeople {
		clear(p.known)
	}
	p.known[uid] = a
}

// request asks the directory in the background, or joins who asks already; nil
// if too many do.
func (p *people) request(uid uint32) *asked {
	p.mu.Lock()
	defer p.mu.Unlock()
	if q, ok := p.asking[uid]; ok {
		return q
	}
	if len(p.asking) >= maxAsking || p.ctx.Err() != nil {
		return nil
	}
	q := &asked{done: make(chan struct{}), late: make(chan struct{})}
	p.asking[uid] = q
	timer := time.AfterFunc(directoryWait, func() { close(q.late) })
	p.wg.Add(1)
	go func() {
		defer p.wg.Done()
		defer timer.Stop()
		a, life := p.directory(uid)
		p.keep(uid, a, life)
		p.mu.Lock()
		delete(p.asking, uid)
		p.mu.Unlock()
		close(q.done)
	}()
	return q
}

func (p *people) directory(uid uint32) (account, time.Duration) {
	ctx, cancel := context.WithTimeout(p.ctx, directoryTimeout)
	defer cancel()
	b, err := p.ask(ctx, uid)
	if err != nil {
		return account{reason: event.ReasonDirectory}, directoryAgain
	}
	if e, ok := parsePasswd(b, uid); ok {
		return e.account(), accountsFor
	}
	// A number that a person was lent for their containers is theirs.
	if b, err := p.files.read("etc/subuid", 1<<20); err == nil {
		if owner, ok := parseSubuid(b, uid); ok {
			if a, ok := p.lender(owner); ok {
				return a, accountsFor
			}
			return account{reason: event.ReasonContainer}, accountsFor
		}
	}
	return account{reason: event.ReasonNoName}, accountsFor
}

// lender is the person who owns a range of numbers, by name or by number.
func (p *people) lender(owner string) (account, bool) {
	b, err := p.files.read("etc/passwd", passwdLimit)
	if err != nil {
		return account{}, false
	}
	uid, ok := passwdUID(b, owner)
	if !ok {
		n, err := strconv.ParseUint(owner, 10, 32)
		if err != nil {
			return account{}, false
		}
		uid = uint32(n)
	}
	e, ok := parsePasswd(b, uid)
	if !ok || !person(uid) {
		return account{}, false
	}
	return e.account(), true
}
