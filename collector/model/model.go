// Package model holds the collector's nouns as plain structs and enums. It does
// no I/O and knows no database, no wire and no page; every collector room may
// import it. Every stored thing carries the school it belongs to.
package model

import (
	"time"

	"safelight/internal/event"
)

// SchoolID names a school, the controller of its data.
type SchoolID string

// School is the controller of the data. A trial school has not taken G12's
// decisions yet: invented people only, at most TrialDevices devices.
type School struct {
	ID      SchoolID
	Name    string
	Trial   bool
	Created time.Time
}

// TrialDevices is how many devices a trial school may enrol (G12).
const TrialDevices = 5

// Role says how a subject is judged and who is told about them.
type Role string

// The roles a subject can have.
const (
	RolePupil        Role = "pupil"
	RoleAdultLearner Role = "adult-learner"
	RoleStaff        Role = "staff"
	RoleContractor   Role = "contractor"
	RoleVolunteer    Role = "volunteer"
	RoleGovernor     Role = "governor"
	RoleVisitor      Role = "visitor"
	RoleHead         Role = "head"
	// RoleUnknown is an account that no roster explains.
	RoleUnknown Role = "unknown"
)

// Roles lists the roles a roster may give.
var Roles = []Role{RolePupil, RoleAdultLearner, RoleStaff, RoleContractor, RoleVolunteer, RoleGovernor, RoleVisitor, RoleHead}

// Duty is what a user of the console does at the school.
type Duty string

// The duties a user can have.
const (
	DutyDSL    Duty = "dsl"
	DutyDeputy Duty = "deputy"
	DutyHead   Duty = "head"
	DutyIT     Duty = "it"
	// DutyTeacher gives a class leave until the bell, and sees no alert.
	DutyTeacher Duty = "teacher"
)

// Duties lists the duties `user add` takes.
var Duties = []Duty{DutyDSL, DutyDeputy, DutyHead, DutyIT, DutyTeacher}

// Subject is the person or account that events are about. ID is a random
// pseudonym, made when the account is first seen; Account, Name and Year are
// the only places where it can be turned back into a person.
type Subject struct {
	School  SchoolID
	ID      string
	Account string // empty for a device with nobody known
	Name    string
	Role    Role
	Year    string
	// Reference is the person's in the school's own system, where the roster gives
	// one.
	Reference string
	Known     bool // a roster names it, or once did
	// Left says that the roster in force names it no more: what is about it
	// stays as it was, and devices are told that it is not known.
	Left bool
	// Erased is when the account, the name and the words of every event were
	// made unreadable for good, and why; zero: they were not.
	Erased    time.Time
	ErasedWhy string
	// Unreadable says that the account and the name are there and cannot be opened:
	// their row, or its key, is damaged. Role and year are known.
	Unreadable bool
}

// User is somebody who signs in.
type User struct {
	School SchoolID
	ID     string
	Name   string
	Email  string
	Duty   Duty
	// Account is the user's own account on school devices: an alert about it
	// is never told or shown to them (G3).
	Account      string
	Trial        bool
	Disabled     bool
	PasswordHash string // argon2id; empty until the one-time link is used
	LinkHash     []byte // SHA-256 of the one-time link's secret; nil when used
	LinkExpires  time.Time
	TokenHash    []byte // SHA-256 of the command-line sign-in token
	Failures     int    // failed sign-ins since the last good one
	LastFailure  time.Time
	Created      time.Time
}

// Session is a signed-in browser.
type Session struct {
	School  SchoolID
	Hash    []byte // SHA-256 of the cookie's secret
	User    string
	Created time.Time
	Seen    time.Time
	Expires time.Time
}

// Token admits devices. Its secret is never stored, only its hash.
type Token struct {
	School  SchoolID
	ID      string
	Hash    []byte
	Site    string
	Uses    int // allowed in all
	Used    int
	Expires time.Time
	Created time.Time
	Maker   string    // as the record names actors; empty: an earlier version did not keep it
	Ended   time.Time // by somebody, before its time; zero: it was not
}

// Works says that the token would admit a device.
func (t Token) Works(now time.Time) bool {
	return t.Ended.IsZero() && now.Before(t.Expires) && t.Used < t.Uses
}

// Device is an enrolled device.
type Device struct {
	School   SchoolID
	ID       string
	Name     string
	OS       string
	Arch     string
	Version  string
	Site     string
	Enrolled time.Time
	Expires  time.Time // of its certificate
	KeyHash  []byte    // SHA-256 of its public key (SPKI)
	Revoked  time.Time // zero: not revoked
	LastSeen time.Time
	// Hardware is taken by Enrol and SplitDevice alone; DeviceHardware reads it.
	Hardware Hardware
}

// Place is where a record stands in its device's sequence.
type Place struct {
	SpoolEpoch []byte
	Lane       event.Severity
	Seq        uint64
}

// Outcome says whether a name asked for was connected to.
type Outcome string

// The outcomes of a visit.
const (
	OutcomeConnected Outcome = "connected"
	OutcomeAttempted Outcome = "attempted"
	OutcomeUnknown   Outcome = "unknown"
)

// Event is an observation that a rule flagged, as stored. Never order by
// Observed: by Received, then (Device, SpoolEpoch, Lane, Seq).
type Event struct {
	School            SchoolID
	Device            string
	ID                [16]byte
	Place             Place
	Digest            []byte        // SHA-256 of the record's bytes
	Observed          time.Time     // corrected by Skew
	Received          time.Time     // by the collector's clock
	Skew              time.Duration // what was added to the device's wall clock
	Late              bool          // the device had it for over a minute before it arrived
	Kind              event.Kind
	Name              string
	Via               event.Via
	Also              []event.Via
	Count             int
	Outcome           Outcome
	ThirdParty, Noise bool
	Process           string
	Exe               string
	PID               int
	Account           string // turned into Subject by the store
	Unknown           string // why there is no account
	// From is what else the device knew of the process: parent, script, app,
	// whether the person sat elsewhere, and why no account is known.
	From     event.Origin
	Subject  string
	Client   string
	Server   string
	IP       string // the device's address as the collector saw it
	Rule     string
	Category string
	Severity event.Severity
	Pack     string
	Match    string
	Why      string
	NotSeen  []string
	Help     bool // reads as somebody asking for help (G1)
	// PolicyEpoch and PolicySerial are those of the rules that the device judged by;
	// noughts where it did not say. They are not stored.
	PolicyEpoch, PolicySerial uint64
	// Unlisted says that its rule names a list which does not hold the name: it is
	// kept, and nobody is told.
	Unlisted bool
	event.Grounds
	// Erased: what was seen was erased with its subject or, if Unreadable, cannot be
	// opened: the row is damaged, or was put there by another hand.
	Erased, Unreadable bool

	// Sealed and SealedAt are the store's own: what it made ready ahead of the
	// transaction, and as of when (Store.Ready).
	Sealed   []byte
	SealedAt int
}

// EventKey names an event: the device from its certificate, the id from the
// device.
type EventKey struct {
	Device string
	ID     [16]byte
}

// Stored says what became of an event handed to the store.
type Stored int

// What can become of an event.
const (
	StoredNew Stored = iota + 1
	StoredDuplicate
	StoredConflict // same key, other bytes
)

// Position is up to where a lane of a device's spool is held without a hole.
type Position struct {
	Device     string
	SpoolEpoch []byte
	Lane       event.Severity
	Upto       uint64
}

// Gap is a run of sequence numbers that will never arrive, told by a tombstone.
type Gap struct {
	School   SchoolID
	Device   string
	Place    Place // Seq is the first
	To       uint64
	Reason   string
	Received time.Time
}

// Health is a fact about a device or the service, for IT, without a user.
type Health struct {
	School   SchoolID
	Device   string
	ID       [16]byte
	Place    Place
	Digest   []byte
	At       time.Time
	Received time.Time
	Topic    string
	Detail   string
}

// AlertState is how far an alert has come.
type AlertState string

// The states of an alert. A held alert is about somebody for whom no recipient
// can be chosen yet: it is told and shown to nobody, and counted.
const (
	AlertOpen         AlertState = "open"
	AlertAcknowledged AlertState = "acknowledged"
	AlertHeld         AlertState = "held"
)

// Alert is events about one subject and category, close in time, gathered into
// one thing for a human to look at.
type Alert struct {
	School                  SchoolID
	Ref                     string // 8 random Crockford base-32 characters
	Subject                 string
	Category                string
	Severity                event.Severity // the highest of its events
	State                   AlertState
	Events                  int
	Raised                  time.Time // when the collector made it
	First                   time.Time // observed time of its first event
	Last                    time.Time // observed time of its last event
	Device                  string    // of its first event
	Late                    bool      // its first event was late
	FirstRead, Acknowledged time.Time // zero: not yet
	ReadBy, AcknowledgedBy  string    // user ids
}

// Notification is one telling of one recipient about one alert.
type Notification struct {
	School   SchoolID
	ID       string // also the stable part of the mail's Message-ID
	Alert    string // ref
	User     string
	Why      string // "DSL", "deputy"
	Channel  string // "mail"
	Created  time.Time
	Attempts int
	Tried    time.Time
	Accepted time.Time // zero: not yet
	Failed   time.Time // zero: not given up
	Error    string    // the last failure, without names
}

// Access is one reading by a person. It is written before what was read is
// shown.
type Access struct {
	School SchoolID
	At     time.Time
	User   string
	What   string // "alert", "name", "words", "events", "alerts", "inbox"
	Ref    string // the alert, where there is one
	From   string // address or "command line as <operating-system user>"
}

// PolicyVersion is a signed manifest and who published it, why.
type PolicyVersion struct {
	School    SchoolID
	Epoch     uint64
	Serial    uint64
	KeyID     string
	Issued    time.Time
	By        string
	Reason    string
	Manifest  []byte
	Signature []byte
	// Files are what it was made of and what it was compiled to; Lists the version
	// of each list whose names it has, by the list's id. Store.PolicyFiles and
	// Store.PolicyLists read them; a version by an engine before 3 has none.
	Files []PolicyFile
	Lists map[string]int64
	// Proposal is the id of the proposal that it brings into force; empty: none.
	// It is not kept with the version: the proposal says what became of it.
	Proposal string
}

// PolicyFile is a file of a version, whose content lies in a Blob.
type PolicyFile struct {
	Name     string
	SHA256   [32]byte
	Compiled bool // made of the others, and what devices get
}

// ListChange is a name that one version of a list has and another has not.
type ListChange struct {
	Name    string
	Removed bool // else added
}

// Blob is a file of a policy, named by its content.
type Blob struct {
	School SchoolID
	SHA256 [32]byte
	Data   []byte
}
