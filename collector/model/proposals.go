package model

import "time"

// ProposalState is how far a proposal has come.
type ProposalState string

// The states of a proposal.
const (
	ProposalOpen      ProposalState = "open"
	ProposalPublished ProposalState = "published"
	ProposalWithdrawn ProposalState = "withdrawn"
)

// Proposal is a set of rules that somebody wants brought into force, and why.
// Somebody else publishes it.
type Proposal struct {
	School    SchoolID
	ID        string // "P-" and 8 characters
	At        time.Time
	By        string // user id
	Reason    string
	Necessity string // why a widening is needed (G7); may be empty
	// BaseEpoch and BaseSerial are the version it was made against, noughts
	// before the first: who publishes reads what differs from that one.
	BaseEpoch, BaseSerial uint64

	State     ProposalState
	Decided   time.Time // zero: not yet
	DecidedBy string
	Why       string // of the decision
	// Epoch and Serial are the version that it became.
	Epoch, Serial uint64
}

// ProposalRef names a proposal in a record.
func ProposalRef(id string) string { return "proposal:" + id }

// RuleChange is one thing in which two sets of rules differ, worded for a DSL.
type RuleChange struct {
	Category string `json:"category"` // id; empty for what belongs to none
	Title    string `json:"title,omitempty"`
	What     string `json:"what"` // "phrases-added", "severity-lowered", ...
	Text     string `json:"text"` // a sentence
	// Items are the phrases, domains, programs or roles it is about, each.
	Items []string `json:"items,omitempty"`
	// Lowers says that less of a high-risk or life-risk category is noticed.
	Lowers bool `json:"lowers"`
	// Widens says that more is looked at than before (G7).
	Widens bool `json:"widens"`
}

// RuleReview is all in which two sets of rules differ.
type RuleReview struct {
	From     string       `json:"from"` // "1.3", "P-7KQ2M4XT", a folder, "nothing"
	To       string       `json:"to"`
	Lowering bool         `json:"lowering"`
	Widening bool         `json:"widening"`
	Changes  []RuleChange `json:"changes"`
	// Strange is what scopes name that the school does not have, with file and line:
	// for somebody to look at.
	Strange []string `json:"strange,omitempty"`
}

// RuleSet is one set of rules to look at: files, and what they are called.
type RuleSet struct {
	Name  string // "1.3", "P-7KQ2M4XT", a folder, "nothing"
	Files map[string][]byte
}

// RuleVersion names a version of a school's rules. The zero one is before the
// first.
type RuleVersion struct{ Epoch, Serial uint64 }
