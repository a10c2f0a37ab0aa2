package model

import "time"

// Person is a row of the roster.
type Person struct {
	Account  string
	Also     []string // further accounts: each is a subject, of the same person
	Name     string
	Role     Role
	Year     string // of a pupil: R, 1 to 13
	KeyStage string // 0 to 5; from the year where the roster has none
	Groups   []string
	Site     string
	// Connections are accounts of people close to this one, an own child or a
	// partner: neither is ever told of the other (G3). They hold both ways.
	Connections []string
	// Reference is the person's in the school's own system.
	Reference string
	// Line is where in the file the person stands; 0: in none.
	Line int
}

// Roster is a roster as it was read.
type Roster struct {
	Name    string // the file's
	People  []Person
	Ignored []string // columns that are kept nowhere
}

// RosterWords are what scopes of rules may name of a school's people and devices.
type RosterWords struct {
	Roster        bool // there is one, with somebody in it
	Groups, Years []string
	Sites         []string // that devices were enrolled for
}

// Accounts are all of a person's.
func (p Person) Accounts() []string { return append([]string{p.Account}, p.Also...) }

// KnownAs is how devices judge an account.
type KnownAs struct {
	Subject  string // pseudonym
	Role     Role
	Year     string
	KeyStage string
	Groups   []string // sorted
	Site     string
}

// RosterChange is what an import does, or would do. People are counted by their
// accounts.
type RosterChange struct {
	People    int // rows
	Accounts  int
	Added     int
	Changed   int
	Unchanged int
	Left      int // in the roster in force, and not in this one
	Before    int // in the roster in force
	Details   []RosterDetail
}

// RosterDetail is one account's change. What holds no name: it may be printed
// for whoever keeps the roster.
type RosterDetail struct {
	Line    int    // in the file; 0: it is not in it
	Account string // of those who leave; empty otherwise, as the line says it
	Role    Role
	Year    string
	What    string // "added", "changed", "left"
	Fields  []string
}

// Site is a place with its networks.
type Site struct {
	Name string
	// Networks are CIDR prefixes from which its devices come. Resolvers are DNS
	// suffixes that its network hands out; where there are any, both must fit.
	Networks  []string
	Resolvers []string
	// Unfiltered says that there is no filter here, so that whoever supervises
	// looks harder (S117).
	Unfiltered bool
	Changed    time.Time
}

// TimetableVersion is a school's hours as they were imported.
type TimetableVersion struct {
	Name     string // the file's
	Source   []byte
	Imported time.Time
}

// TimetableSummary is what importing a timetable answers.
type TimetableSummary struct {
	Zone    string
	Sites   int
	Periods int
	Until   time.Time // from then on it says nothing
	Now     []SiteNow
}

// SiteNow says which words hold at a site at this moment.
type SiteNow struct {
	Site  string
	Words []string
}

// Asking is who asks for a change of hours or places, and why; nobody: it takes one
// that nobody has to answer for.
type Asking struct {
	User   User
	Reason string
}

// RulesGoBy is what of hours and places the rules in force go by.
type RulesGoBy struct {
	Premises bool
	Hours    []string // words of the timetable, sorted
}

// PlaceChange is a change of hours or places that one person asked for and that
// takes a second.
type PlaceChange struct {
	School SchoolID
	What   string   // "timetable", "site manor"
	Sum    [32]byte // of what it is to become
	By     string   // user id
	Reason string
	At     time.Time
}

// Exemption is leave for a class from one category until a time. It is never for
// a person (G7).
type Exemption struct {
	School   SchoolID
	ID       string
	By       string // user
	Duty     Duty   // of whoever gave it
	Group    string
	Category string
	Reason   string
	From     time.Time
	Until    time.Time
	Bell     string // the period whose bell ends it; empty: a time was given
	Ended    time.Time
	EndedBy  string
}

// Live says whether an exemption is in force.
func (e Exemption) Live(now time.Time) bool { return e.Ended.IsZero() && now.Before(e.Until) }

// ExemptionRequest is what somebody asks for.
type ExemptionRequest struct {
	Group, Category, Reason string
	Until                   string // "bell", a time of day, or a time
	Site                    string // whose bell; empty: the school's
}

// ExemptionCount is a line of the week: how often a category was lifted.
type ExemptionCount struct {
	Category string
	Duty     Duty
	Count    int
	Ended    int // early
}

// Overlay is a signed addition to the policy, as devices are sent it.
type Overlay struct {
	Name      string
	Serial    uint64
	Issued    time.Time
	Expires   time.Time
	Body      []byte
	KeyID     string
	Signature []byte
}

// The names of the overlays there are.
const (
	OverlayExemptions = "exemptions"
	OverlayTimetable  = "timetable"
	OverlaySites      = "sites"
)

// OverlayInput is what an overlay is made of: one of the three, by its name.
type OverlayInput struct {
	Name       string
	Serial     uint64
	Exemptions []Exemption // all that are live
	Timetable  *TimetableVersion
	Sites      []Site
}

// MakeOverlay makes and signs an overlay. It is called within the transaction
// that changes what is in it, perhaps more than once, and must be quick.
type MakeOverlay func(in OverlayInput, now time.Time) (Overlay, error)
