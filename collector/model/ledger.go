package model

import "time"

// Standing is where a device stands in the coverage ledger. Every device that is
// issued or admitted has exactly one, so that they add up.
type Standing string

// The standings, in the order in which they are shown.
const (
	// StandingProven: a check passed lately, and it was heard from lately.
	StandingProven Standing = "proven"
	// StandingUnproven: enrolled and not silent, and no check passed lately or
	// something is amiss.
	StandingUnproven Standing = "unproven"
	// StandingHidden: heard from, and it hides what it looks up.
	StandingHidden Standing = "hidden"
	// StandingSilent: not heard from for a whole day of school.
	StandingSilent Standing = "silent"
	// StandingRemoved: it said that Safelight was removed from it.
	StandingRemoved Standing = "removed"
	// StandingOff: not heard from since the school closed.
	StandingOff Standing = "off"
	// StandingLog: without an agent; what it asks for stands in a log that is followed.
	StandingLog Standing = "log"
	// StandingNone: nothing of it is monitored.
	StandingNone Standing = "none"
)

// Standings lists them.
var Standings = []Standing{StandingProven, StandingUnproven, StandingHidden, StandingSilent, StandingRemoved, StandingOff, StandingLog, StandingNone}

// Cause is why a device stands where it does, or what else IT should know of it.
type Cause struct {
	Code  string    `json:"code"`
	Text  string    `json:"text"`           // a sentence for IT
	Since time.Time `json:"since,omitzero"` // where there is a time to it
	// Mends says what to do about it; empty: nothing, or the sentence says so.
	Mend string `json:"mend,omitempty"`
	// Unproves says that a device with it is not proven.
	Unproves bool `json:"unproves,omitempty"`
}

// The codes of causes.
const (
	CauseNeverEnrolled  = "never_enrolled"
	CauseSilent         = "silent"
	CauseNotHeard       = "not_heard_yet"
	CauseRemoved        = "removed"
	CauseClosed         = "school_closed"
	CauseUngrouped      = "ungrouped"
	CauseClock          = "clock_skew"
	CauseVersion        = "version_behind"
	CauseHidden         = "names_hidden"
	CauseCaptureStopped = "capture_stopped"
	CauseDropping       = "dropping"
	CausePolicyNone     = "policy_none"
	CausePolicyStale    = "policy_stale"
	CauseNoCheck        = "no_check"
	CauseCheckFailed    = "check_failed"
	CauseCheckOld       = "check_old"
	CauseLost           = "events_lost"
	CauseLetGo          = "events_let_go"
	CauseQuarantined    = "quarantined"
	CauseSameHardware   = "same_hardware"
	CauseNotListed      = "not_listed"
	CauseLogStopped     = "log_stopped"
	CauseCertificate    = "certificate_ended"
	CauseKeyEnded       = "key_ended"
	CauseCopied         = "copied"
	CauseSharedKey      = "shared_key"
	CauseSplitsHeld     = "splits_held"
)

// LedgerDevice is one device of the ledger, or, with Count over one, so many of
// which no more is known than the number that somebody typed.
type LedgerDevice struct {
	ID       string // of an enrolled device
	Name     string
	Serial   string
	Kind     Kind
	Site     string
	Group    string
	Source   string // the export that lists it; empty: none
	OS       string
	System   string
	Version  string
	Count    int
	Standing Standing
	Causes   []Cause
	Enrolled time.Time
	LastSeen time.Time
	Proven   time.Time // when a check last passed; zero: not known
	Expires  time.Time // of its certificate
	CameOf   string    // the device that it was a copy of
	Today    bool      // heard from today
	Lost     uint64    // records that are nowhere
	LetGo    uint64    // records that a full spool let go, and said so
}

// LedgerCount is one line of a table that adds up.
type LedgerCount struct {
	Name                             string // of the kind or the site
	Issued, Today, Proven, Log, None int
}

// Unproven is how many are enrolled and not proven, for whatever reason: with it a
// line adds up.
func (c LedgerCount) Unproven() int { return c.Issued - c.Proven - c.Log - c.None }

// Ledger is what the school issues or admits, beside what is proven of it.
type Ledger struct {
	At      time.Time
	Issued  int
	Counts  map[Standing]int
	Kinds   []LedgerCount
	Sites   []LedgerCount
	Devices []LedgerDevice // those with something amiss first
	Notes   []Cause        // of several devices at once, a line for all of them
	Lost    uint64
	LetGo   uint64
	Closed  bool // no school today
	// Version is the newest that devices are held against.
	Version string
	// Listed says that an export was imported, and Inventories which and when.
	Inventories []InventoryAt
}

// InventoryAt says when an export was imported.
type InventoryAt struct {
	Source, Name string
	At           time.Time
}

// NewToken is an enrolment token, at the one time when it is shown.
type NewToken struct {
	ID      string // by which it is listed and ended
	Token   string
	Site    string
	Uses    int
	Expires time.Time
}
