package attribution

import (
	"errors"
	"strconv"

	"safelight/agent/macos"
)

// SignedIn lists the accounts with an open session on this machine, by the
// system's list of people and whose the screen is.
func SignedIn(string) ([]string, error) {
	people := macos.People()
	if people == nil {
		if uid, ok := macos.Console(); ok {
			return []string{"uid " + strconv.FormatUint(uint64(uid), 10)}, nil
		}
		return nil, errors.New("looking who is signed in: the system's list of people cannot be read")
	}
	var accounts []string
	for _, one := range people {
		accounts = append(accounts, one.Account)
	}
	return accounts, nil
}
