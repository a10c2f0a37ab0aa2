package daemon

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"safelight/agent/pipeline"
	safelightv1 "safelight/proto/safelight/v1"
)

const (
	resolveTimeout = 10 * time.Second
	// An answer of "not known" is asked for again after this long.
	unknownLife = 5 * time.Minute
	// A log may name any number of accounts, true or made up; what is forgotten
	// is asked for again.
	maxAccounts = 4096
	// An answer that has expired still judges for this long, because a laptop may
	// be away from the collector for a summer, and staff are not to be judged as
	// pupils in it (G9).
	expiredLife = 90 * 24 * time.Hour
	// saveEvery is how often answers reach the disk at most.
	saveEvery = 30 * time.Second
)

// accounts remembers what the collector said of the accounts seen on this
// device. Who answers at once and asks in the background.
type accounts struct {
	client safelightv1.AgentServiceClient
	now    func() time.Time
	log    *slog.Logger
	ask    chan string
	disk   *accountsFile // nil: memory only

	mu    sync.Mutex // guards everything declared below
	known map[string]answer
	dirty bool
}

// answer is what the collector said; an empty role: it does not know the account.
type answer struct {
	Role   string    `json:"role,omitempty"`
	Year   string    `json:"year,omitempty"`
	Groups []string  `json:"groups,omitempty"`
	Site   string    `json:"site,omitempty"`
	Until  time.Time `json:"until"`
}

func newAccounts(client safelightv1.AgentServiceClient, disk *accountsFile, now func() time.Time, log *slog.Logger) *accounts {
	a := &accounts{client: client, now: now, log: log, ask: make(chan string, 64), disk: disk, known: map[string]answer{}}
	if disk == nil {
		return a
	}
	known, err := disk.load()
	if err != nil {
		log.Warn("what is remembered of accounts cannot be read: they are asked for again", "error", err.Error())
	}
	for account, is := range known {
		if len(a.known) < maxAccounts && now().Before(is.Until.Add(expiredLife)) {
			a.known[account] = is
		}
	}
	return a
}

// folded is the one form of an account: systems disagree about its case.
func folded(account string) string { return strings.ToLower(strings.TrimSpace(account)) }

// Who implements pipeline.Roles. An account that the collector does not know, or
// has not answered for yet, has no role and is judged by the pupil's scope.
func (a *accounts) Who(account string) pipeline.Person {
	account = folded(account)
	if account == "" {
		return pipeline.Person{}
	}
	now := a.now()
	a.mu.Lock()
	got, ok := a.known[account]
	a.mu.Unlock()
	if !ok || now.After(got.Until) {
		select {
		case a.ask <- account:
		default: // asked for again when it is next seen
		}
	}
	if now.After(got.Until.Add(expiredLife)) {
		return pipeline.Person{}
	}
	return pipeline.Person{Role: got.Role, Year: got.Year, Groups: got.Groups, Site: got.Site} // an expired answer still judges
}

// run asks until ctx ends, and keeps the answers.
func (a *accounts) run(ctx context.Context) error {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case account := <-a.ask:
			a.resolve(ctx, account)
		case <-tick.C:
			a.save(ctx)
		case <-ctx.Done():
			a.save(context.WithoutCancel(ctx))
			return nil
		}
	}
}

func (a *accounts) resolve(ctx context.Context, account string) {
	a.mu.Lock()
	was, ok := a.known[account]
	a.mu.Unlock()
	if ok && a.now().Before(was.Until) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	resp, err := a.client.ResolveAccount(ctx, &safelightv1.ResolveAccountRequest{Account: account})
	if err != nil {
		a.log.DebugContext(ctx, "asking who an account is failed", "error", err.Error())
		return
	}
	got := answer{Until: a.now().Add(unknownLife)}
	if resp.GetKnown() {
		got = answer{Role: resp.GetRole(), Year: resp.GetYear(), Groups: resp.GetGroups(), Site: resp.GetSite(), Until: resp.GetExpires().AsTime()}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.known[account]; !ok && len(a.known) >= maxAccounts {
		a.makeRoom()
	}
	a.known[account] = got
	a.dirty = a.dirty || got.Role != "" || was.Role != ""
}

// makeRoom forgets what is out of date and, where that is not enough, all. The
// caller holds mu.
func (a *accounts) makeRoom() {
	now := a.now()
	maps.DeleteFunc(a.known, func(_ string, known answer) bool { return now.After(known.Until) })
	if len(a.known) >= maxAccounts {
		clear(a.known)
	}
}

// save keeps the known accounts; one that nobody knows is asked for again.
func (a *accounts) save(ctx context.Context) {
	a.mu.Lock()
	if !a.dirty || a.disk == nil {
		a.mu.Unlock()
		return
	}
	a.dirty = false
	known := maps.Clone(a.known)
	a.mu.Unlock()
	maps.DeleteFunc(known, func(_ string, is answer) bool { return is.Role == "" })
	if err := a.disk.save(known); err != nil {
		a.log.WarnContext(ctx, "keeping what the collector said of accounts failed", "error", err.Error())
	}
}
