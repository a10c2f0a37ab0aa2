package model

import "time"

// AlertOutcome is what an alert came to, once somebody had looked.
type AlertOutcome string

// The outcomes of an alert (G14).
const (
	// OutcomeUnfounded is *not what it looked like*.
	OutcomeUnfounded AlertOutcome = "unfounded"
	// OutcomeNoConcern is *true, no concern*.
	OutcomeNoConcern AlertOutcome = "no_concern"
	// OutcomeUpheld is *concern*.
	OutcomeUpheld AlertOutcome = "upheld"
)

// AlertOutcomes lists the outcomes there are.
var AlertOutcomes = []AlertOutcome{OutcomeUnfounded, OutcomeNoConcern, OutcomeUpheld}

// RuleOutcomes counts what the alerts that a rule took part in came to. An alert
// counts once for each of its rules. It says nothing of whom they were about.
type RuleOutcomes struct {
	Rule                         string
	Unfounded, NoConcern, Upheld int64
}

// RulePrecision is how often a rule's alerts were what they looked like. A number
// that is null is withheld (G17).
type RulePrecision struct {
	Rule      string   `json:"rule"`
	Alerts    *int64   `json:"alerts"`
	Unfounded *int64   `json:"unfounded"`
	NoConcern *int64   `json:"no_concern"`
	Upheld    *int64   `json:"upheld"`
	Precision *float64 `json:"precision"` // of 1
}

// RuleSuggestion is an allow that alerts which were *not what they looked like*
// have in common. It is never more than a suggestion.
type RuleSuggestion struct {
	Category string `json:"category"`
	Title    string `json:"title"`
	Rule     string `json:"rule"` // the one that it would quiet there
	Kind     string `json:"kind"` // "allow-phrase" or "allow-domain"
	Text     string `json:"text"`
	Write    string `json:"write"`  // the line for the category's file
	Alerts   int    `json:"alerts"` // that it would have quieted
	// TwoPeople says that publishing it takes a proposal by somebody else.
	TwoPeople bool `json:"two_people"`
}

// Trial is one run of `rules try`. Result holds numbers, with the small ones
// withheld, and never an example.
type Trial struct {
	School       SchoolID
	ID           string // "T-" and 8 characters
	At           time.Time
	By           string // user id; empty: nobody signed in, at the command line
	Rules        string // what was tried: "P-7KQ2M4XT", a folder's name
	Since, Until time.Time
	Result       []byte // JSON of a TrialResult
	// Answers is what a later trial has to know of the numbers that were told: whose
	// they are, by pseudonym (collector/policy). It is kept apart, and not as long.
	Answers []byte
}

// TrialRef names a trial in a record.
func TrialRef(id string) string { return "trial:" + id }

// TrialAnswersKept is how long trials go by what earlier ones were told (G13, G17).
const TrialAnswersKept = 30 * 24 * time.Hour

// TrialsKept is how long a trial's result is kept (G13).
const TrialsKept = 90 * 24 * time.Hour

// TrialEvent is a stored event with what judging it again needs to know of its
// subject and device.
type TrialEvent struct {
	Event
	Role Role
	Year string
	Site string
}

// TrialCursor is how far a reading of a trial's events has come; the zero value is
// the beginning.
type TrialCursor struct {
	Received   time.Time
	Device     string
	SpoolEpoch []byte
	Severity   int64
	Seq        uint64
}
