package model

import (
	"fmt"
	"time"
)

// ListState is how far a version of a list has come.
type ListState string

// The states of a list's version.
const (
	ListStaged  ListState = "staged"  // being laid down: nobody reads it
	ListOffered ListState = "offered" // beyond its guards: waits for a person
	ListKept    ListState = "kept"    // in force, or the one before
	ListGone    ListState = "gone"    // only what it no longer had is still known
)

// ListVersion is one version of a subscribed list's names, and where they came
// from.
type ListVersion struct {
	School  SchoolID
	List    string
	Version int64 // from 1 on
	State   ListState
	SHA256  []byte    // of the file as it was fetched
	Fetched time.Time // or imported
	URL     string    // or the imported file's name
	Format  string
	Licence string
	From    string // who makes it
	By      string // who imported or accepted it, as AuditRecord.Actor; empty: the collector itself
	Bytes   int64  // of the file
	Names   int64
	Added   int64 // since the version before
	Removed int64
	Summary []byte // what came of reading it, JSON
}

// List is a subscribed list: which version is in force, and how its source does.
type List struct {
	School   SchoolID
	ID       string
	Current  int64 // 0: none yet
	Previous int64 // kept too; 0: none
	Offered  int64 // waits for a person; 0: none
	// Published is the version that the rules in force were made with.
	Published int64
	// URL, ETag and Modified are what its source said of the last file taken,
	// offered or found unchanged.
	URL, ETag, Modified string
	Checked             time.Time // when its source last answered as it should
	Tried               time.Time
	Due                 time.Time // when it is asked next; zero: at once
	Failing             time.Time // since when its source fails; zero: it does not
	Failures            int       // in a row
	Problem             string    // why, in words; of a failing source or an offered version
}

// ListPart says what of a version a chunk holds.
type ListPart int64

// The parts of a version.
const (
	ListNames   ListPart = 0 // its names
	ListRemoved ListPart = 1 // what the version before had and this one has not
)

// ListChunk is a run of names in order. The store does not look inside.
type ListChunk struct {
	Part  ListPart
	First []byte // what it is found by; bytes in order
	Data  []byte
}

// ListRef names a list in a record.
func ListRef(id string) string { return "list:" + id }

// ListLease is a list that one collector works on, so that no other does too.
type ListLease struct {
	School SchoolID
	List   string
	Owner  string // unlike any other
	Until  time.Time
}

// ListTry is what came of asking a list's source.
type ListTry struct {
	At, Due             time.Time
	URL, ETag, Modified string // of an answer; a failure leaves them as they were
	Problem             string // why it failed; empty: it answered as it should
}

// ListSkipped counts what of a list's text was left out for one reason, and says
// where first.
type ListSkipped struct {
	Reason string  `json:"reason"`
	Count  int64   `json:"count"`
	Lines  []int64 `json:"lines"` // the first three, from 1 on
}

// ListSummary says what came of reading a list.
type ListSummary struct {
	Lines      int64         `json:"lines"`
	Names      int64         `json:"names"` // that are on the list now
	Duplicates int64         `json:"duplicates"`
	Excepted   int64         `json:"excepted,omitempty"` // taken out by the list's own exceptions
	Skipped    []ListSkipped `json:"skipped"`
	// HeldAgainst is how many names the guards hold the next version against, where
	// that is not how many this one has: whoever brings files does not move it.
	HeldAgainst int64 `json:"held_against,omitempty"`
}

// String puts a summary into a few words.
func (s *ListSummary) String() string {
	text := fmt.Sprintf("%d lines", s.Lines)
	for i, k := range s.Skipped {
		if i == 3 {
			return text + ", and more"
		}
		text += fmt.Sprintf(", %d of them %s (line %d)", k.Count, k.Reason, k.Lines[0])
	}
	return text
}

// ListStep says how far the taking of a list is.
type ListStep struct {
	Phase string `json:"phase"` // "fetching", "reading", "storing"
	Done  int64  `json:"done"`  // bytes, or names while storing
	Of    int64  `json:"of"`    // 0: not known
}

// ListResult says what came of a list's refresh or import.
type ListResult struct {
	List    string `json:"list"`
	Outcome string `json:"outcome"` // "updated", "unchanged", "refused" (by a guard: waits for a person)
	Version int64  `json:"version"` // in force, or offered
	Names   int64  `json:"names"`
	Was     int64  `json:"was"` // names of the version that was in force
	Added   int64  `json:"added"`
	Removed int64  `json:"removed"`
	Why     string `json:"why,omitempty"` // refused
	// Summary is of what was read; nil where the source said that nothing changed.
	Summary *ListSummary `json:"summary,omitempty"`
}

// ListStanding is a list, where its names came from, and how its source does.
type ListStanding struct {
	ID       string       `json:"id"`
	Category string       `json:"category,omitempty"`
	State    string       `json:"state"`
	Warning  string       `json:"warning,omitempty"`
	Since    time.Time    `json:"since,omitzero"` // of a failing source
	Names    int64        `json:"names"`
	Version  int64        `json:"version"`
	Fetched  time.Time    `json:"fetched,omitzero"` // or imported
	Checked  time.Time    `json:"checked,omitzero"` // when its source last answered
	Due      time.Time    `json:"due,omitzero"`
	Licence  string       `json:"licence,omitempty"`
	From     string       `json:"from,omitempty"`
	URL      string       `json:"url,omitempty"` // or the imported file's name
	Format   string       `json:"format,omitempty"`
	By       string       `json:"by,omitempty"` // who imported or accepted it
	SHA256   string       `json:"sha256,omitempty"`
	Offered  int64        `json:"offered_names,omitempty"` // of the version that waits
	Summary  *ListSummary `json:"summary,omitempty"`
}
