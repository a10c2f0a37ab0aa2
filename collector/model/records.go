package model

import (
	"errors"
	"strings"
)

// ErrNotFound is returned for what does not exist, and in the very same form
// for what the asking person may not see (G3).
var ErrNotFound = errors.New("not found")

// Batch is what is stored in one transaction. Many devices' records may ride
// together.
type Batch struct {
	Events []Event
	Health []Health
	Gaps   []Gap
	Checks []Check
}

// Len counts the batch's records.
func (b Batch) Len() int { return len(b.Events) + len(b.Health) + len(b.Gaps) + len(b.Checks) }

// Appended says what became of a batch, item by item, in the batch's order.
type Appended struct {
	Events []Stored
	Health []Stored
	Gaps   []Stored
	Checks []Stored
}

// FoldAccount brings an account into the one form in which it is stored and
// compared: systems disagree about the case of the same person's account.
func FoldAccount(account string) string {
	return strings.ToLower(strings.TrimSpace(account))
}

// BareAccount strips a folded account's domain, written either way round
// ("SCHOOL\j.doe", "j.doe@school.example"). Two accounts with the same bare
// form are taken for one person wherever it would be worse to tell somebody
// about themselves than to tell somebody else (G3).
func BareAccount(account string) string {
	account = FoldAccount(account)
	if i := strings.LastIndexByte(account, '\\'); i >= 0 {
		account = account[i+1:]
	}
	if i := strings.IndexByte(account, '@'); i > 0 {
		account = account[:i]
	}
	return account
}
