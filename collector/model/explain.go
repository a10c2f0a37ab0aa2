package model

import "time"

// RuleQuestion is something that a device might see, and whose it is.
type RuleQuestion struct {
	Kind       string    `json:"kind"` // domain, search or process
	Text       string    `json:"text"`
	Exe        string    `json:"exe,omitempty"` // a program's path
	Role       string    `json:"role,omitempty"`
	Year       string    `json:"year,omitempty"`
	Groups     []string  `json:"groups,omitempty"`
	Site       string    `json:"site,omitempty"`
	Premises   string    `json:"premises,omitempty"`
	Periods    []string  `json:"periods,omitempty"`
	At         time.Time `json:"at"`
	Unreviewed bool      `json:"unreviewed,omitempty"`
}

// RuleExplanation is what rules make of a question, and of every rule that had a
// part in it.
type RuleExplanation struct {
	Rules    string        `json:"rules"` // which
	Text     string        `json:"text"`
	Verdict  string        `json:"verdict"` // flag, note, none, safe or exempt
	Category string        `json:"category,omitempty"`
	Title    string        `json:"title,omitempty"`
	Severity string        `json:"severity,omitempty"`
	Rule     string        `json:"rule,omitempty"`
	Match    string        `json:"match,omitempty"`
	Why      string        `json:"why,omitempty"`
	Raised   string        `json:"raised,omitempty"`
	NotSeen  []string      `json:"not_seen,omitempty"`
	Help     bool          `json:"help"` // the words ask for help (G1)
	Says     string        `json:"says"` // all of it in a sentence
	Findings []RuleFinding `json:"findings"`
}

// RuleFinding is a rule that matched, and what became of it.
type RuleFinding struct {
	Rule     string   `json:"rule"`
	Category string   `json:"category,omitempty"`
	Pack     string   `json:"pack,omitempty"`
	Where    string   `json:"where"` // file:line
	Match    string   `json:"match"`
	ReadAs   string   `json:"read_as,omitempty"`
	How      []string `json:"how,omitempty"`
	Weight   uint32   `json:"weight,omitempty"`
	Severity string   `json:"severity,omitempty"`
	Scope    string   `json:"scope,omitempty"`
	Won      bool     `json:"won"`
	Lost     string   `json:"lost,omitempty"`
	By       string   `json:"by,omitempty"` // the rule that it lost to
	Says     string   `json:"says"`
}
