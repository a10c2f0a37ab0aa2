package daemon

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	safelightv1 "safelight/proto/safelight/v1"
)

// unknownRole is the scope by which an account is judged that the collector
// does not know, or has not answered for yet.
const unknownRole = "pupil"

const (
	resolveTimeout = 10 * time.Second
	// An answer of "not known" is asked for again after this long.
	unknownLife = 5 * time.Minute
	// A log may name any number of accounts, true or made up; what is forgotten
	// is asked for again.
	maxAccounts = 4096
)

// accounts remembers what the collector said of the accounts seen on this
// device. Role answers at once and asks in the background.
type accounts struct {
	client safelightv1.AgentServiceClient
	now    func() time.Time
	log    *slog.Logger
	ask    chan string

	mu    sync.Mutex
	known map[string]answer
}

type answer struct {
	role, year string
	until      time.Time
}

func newAccounts(client safelightv1.AgentServiceClient, now func() time.Time, log *slog.Logger) *accounts {
	return &accounts{client: client, now: now, log: log, ask: make(chan string, 64), known: map[string]answer{}}
}

// Role implements pipeline.Roles.
func (a *accounts) Role(account string) (role, year string) {
	if account == "" {
		return unknownRole, ""
	}
	a.mu.Lock()
	got, ok := a.known[account]
	a.mu.Unlock()
	if !ok || a.now().After(got.until) {
		select {
		case a.ask <- account:
		default: // asked for again when it is next seen
		}
	}
	if got.role == "" {
		return unknownRole, ""
	}
	return got.role, got.year // an expired answer still judges
}

// run asks until ctx ends.
func (a *accounts) run(ctx context.Context) error {
	for {
		select {
		case account := <-a.ask:
			a.resolve(ctx, account)
		case <-ctx.Done():
			return nil
		}
	}
}

func (a *accounts) resolve(ctx context.Context, account string) {
	a.mu.Lock()
	got, ok := a.known[account]
	a.mu.Unlock()
	if ok && a.now().Before(got.until) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	resp, err := a.client.ResolveAccount(ctx, &safelightv1.ResolveAccountRequest{Account: account})
	if err != nil {
		a.log.DebugContext(ctx, "asking who an account is failed", "error", err.Error())
		return
	}
	got = answer{until: a.now().Add(unknownLife)}
	if resp.GetKnown() {
		got = answer{role: resp.GetRole(), year: resp.GetYear(), until: resp.GetExpires().AsTime()}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.known[account]; !ok && len(a.known) >= maxAccounts {
		a.makeRoom()
	}
	a.known[account] = got
}

// makeRoom forgets what is out of date and, where that is not enough, all. The
// caller holds mu.
func (a *accounts) makeRoom() {
	now := a.now()
	maps.DeleteFunc(a.known, func(_ string, known answer) bool { return now.After(known.until) })
	if len(a.known) >= maxAccounts {
		clear(a.known)
	}
}
