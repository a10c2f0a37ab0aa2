package attribution

import (
	"sync"
	"time"

	"safelight/internal/event"
)

const (
	// sidFor is how long an account's name is believed, and sidAgain how soon one
	// is asked for again that nobody could name.
	sidFor   = 5 * time.Minute
	sidAgain = 30 * time.Second
	// sidWait is how long somebody waits for a name. A domain controller that is
	// away may take half a minute; its answer is kept for the next.
	sidWait     = 100 * time.Millisecond
	maxSIDs     = 4096
	maxAskedSID = 4
)

// sidAccount is the account that a SID stands for.
type sidAccount struct {
	login  string // "SCHOOL\j.doe"; a local account and the system's without a domain
	domain string
	reason event.Reason // why it has no login
}

// sidAccounts finds the names of accounts. Windows is asked in the background,
// since it may have to ask a domain controller.
type sidAccounts struct {
	// ask finds a name. An account without a reason and a login has none.
	ask func(sid string) sidAccount
	now func() time.Time

	mu     sync.Mutex // guards what follows
	known  map[string]knownSID
	asking map[string]*askedSID
}

type knownSID struct {
	sidAccount
	until time.Time
}

// askedSID is a question that was not answered yet.
type askedSID struct {
	done chan struct{} // closed once known has the answer
	late chan struct{} // closed once nobody waits for it any more
}

func newSIDAccounts(ask func(string) sidAccount, now func() time.Time) *sidAccounts {
	return &sidAccounts{ask: ask, now: now, known: make(map[string]knownSID), asking: make(map[string]*askedSID)}
}

// systemSIDs are named in English wherever the device was bought.
var systemSIDs = map[string]string{"S-1-5-18": "SYSTEM", "S-1-5-19": "LOCAL SERVICE", "S-1-5-20": "NETWORK SERVICE"}

// find returns a SID's account. It waits until sidWait after the question was
// put, whoever did: capture is held up once for a question.
func (s *sidAccounts) find(sid string) sidAccount {
	if name, ok := systemSIDs[sid]; ok {
		return sidAccount{login: name}
	}
	got, q := s.request(sid)
	if q == nil {
		return got
	}
	select {
	case <-q.done:
	case <-q.late:
		return sidAccount{reason: event.ReasonDirectory}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[sid].sidAccount
}

// request gives what is known, or the question that is being asked.
func (s *sidAccounts) request(sid string) (sidAccount, *askedSID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if got, ok := s.known[sid]; ok && s.now().Before(got.until) {
		return got.sidAccount, nil
	}
	if q, ok := s.asking[sid]; ok {
		return sidAccount{}, q
	}
	if len(s.asking) >= maxAskedSID {
		return sidAccount{reason: event.ReasonDirectory}, nil
	}
	q := &askedSID{done: make(chan struct{}), late: make(chan struct{})}
	s.asking[sid] = q
	timer := time.AfterFunc(sidWait, func() { close(q.late) })
	go func() { // Windows' question cannot be taken back, so that nobody waits for its end
		defer timer.Stop()
		s.keep(sid, s.ask(sid))
		close(q.done)
	}()
	return sidAccount{}, q
}

func (s *sidAccounts) keep(sid string, a sidAccount) {
	life := sidFor
	if a.login == "" {
		life = sidAgain
		if a.reason == "" {
			a.reason = event.ReasonNoName
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= maxSIDs {
		clear(s.known)
	}
	s.known[sid] = knownSID{a, s.now().Add(life)}
	delete(s.asking, sid)
}
