package attribution

import (
	"net/netip"
	"sync"

	"safelight/internal/event"
)

// Resolver finds owners. Make it with New; Close it when done. It is safe for
// concurrent use.
type Resolver struct {
	cfg Config

	mu       sync.Mutex // guards what follows
	sockets  finder
	holders  *holders
	accounts *accounts
}

// New returns a Resolver for this machine.
func New(cfg Config) *Resolver {
	cfg = cfg.withDefaults()
	return &Resolver{
		cfg: cfg, sockets: newFinder(cfg.Proc),
		holders: newHolders(cfg.Proc, cfg.Now), accounts: newAccounts(cfg.Account),
	}
}

// Close lets go of what the Resolver holds open.
func (r *Resolver) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sockets.close()
}

// Lookup says who owns the flow between local, an address of this host, and
// remote; proto is "tcp" or "udp". False means that not even the account is
// known. Whatever is missing, Owner.Unknown says why.
func (r *Resolver) Lookup(proto string, local, remote netip.AddrPort) (event.Owner, bool) {
	local = netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.sockets.find(proto, local, remote)
	if err != nil {
		return event.Owner{Unknown: err.Error()}, false
	}
	var owner event.Owner
	if pid, err := r.holders.pid(s); err != nil {
		owner.Unknown = err.Error()
	} else if owner, err = program(r.cfg.Proc, pid); err != nil {
		owner = event.Owner{PID: pid, Unknown: err.Error()}
	}
	owner.UID = &s.uid // the socket's: who asked, whatever the process is now
	r.account(&owner)
	return owner, true
}

// Process says what runs as pid, and under which account.
func (r *Resolver) Process(pid int) (event.Owner, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	owner, err := program(r.cfg.Proc, pid)
	if err != nil {
		return event.Owner{PID: pid, Unknown: err.Error()}, false
	}
	r.account(&owner)
	return owner, true
}

func (r *Resolver) account(owner *event.Owner) {
	if owner.UID == nil {
		return
	}
	owner.User = r.accounts.name(*owner.UID, r.cfg.Now())
	if owner.User == "" && owner.Unknown == "" {
		owner.Unknown = whyNoAccount
	}
}
