package model

import "time"

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
