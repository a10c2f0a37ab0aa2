package attribution

import "time"

// accountsFor is how long an account's name is believed.
const accountsFor = 5 * time.Minute

// accounts remembers the names of uids.
type accounts struct {
	lookup func(uint32) (string, error)
	known  map[uint32]account
}

type account struct {
	name  string
	until time.Time
}

func newAccounts(lookup func(uint32) (string, error)) *accounts {
	return &accounts{lookup: lookup, known: make(map[uint32]account)}
}

// name returns the account's name, empty where it has none. That is believed
// for as long: a directory service that is away must not be asked each time.
func (a *accounts) name(uid uint32, now time.Time) string {
	if got, ok := a.known[uid]; ok && now.Before(got.until) {
		return got.name
	}
	name, err := a.lookup(uid)
	if err != nil {
		name = ""
	}
	if len(a.known) > 4096 {
		clear(a.known)
	}
	a.known[uid] = account{name, now.Add(accountsFor)}
	return name
}
