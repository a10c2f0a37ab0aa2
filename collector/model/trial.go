package model

import "time"

// TrialResult is what `rules try` found. A number that is null is of few pupils, or
// of none, which nobody is to tell apart (G17).
type TrialResult struct {
	ID    string    `json:"trial"`
	Rules string    `json:"rules"` // what was tried
	Today string    `json:"today"` // the rules in force
	At    time.Time `json:"at"`
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	Days  float64   `json:"days"`
	// Judged counts the stored events that were judged again.
	Judged *int64 `json:"judged"`
	// Total, and the rows below it, count alerts.
	Total      TrialRow   `json:"total"`
	PerDay     TrialRates `json:"per_day"`
	ByCategory []TrialRow `json:"by_category"`
	ByYear     []TrialRow `json:"by_year"`
	BySeverity []TrialRow `json:"by_severity"`
	// Change says in a word how the rules tried differ from today's: "more", "fewer"
	// or "both"; "withheld" where that is of few pupils or of none; "none" where they
	// are the same rules.
	Change string `json:"change"`
	// Notes are what whoever reads the numbers has to know.
	Notes []string `json:"notes"`
	// Examples are for whoever may see each of them; they are never kept.
	Examples []TrialExample `json:"examples,omitempty"`
}

// TrialRow counts alerts of one kind: those of the verdicts of then, those that
// today's rules and the rules tried would raise from the same events, and of the
// latter two those that the other would not raise.
type TrialRow struct {
	Name     string `json:"name,omitempty"`
	Title    string `json:"title,omitempty"`
	Then     *int64 `json:"then"`
	Today    *int64 `json:"today"`
	Proposed *int64 `json:"proposed"`
	New      *int64 `json:"new"`
	Gone     *int64 `json:"gone"`
}

// TrialRates are alerts a day.
type TrialRates struct {
	Then     *float64 `json:"then"`
	Today    *float64 `json:"today"`
	Proposed *float64 `json:"proposed"`
}

// TrialExample is an event that the rules tried judge otherwise than today's.
type TrialExample struct {
	Change   string       `json:"change"` // "new" or "gone"
	Event    string       `json:"event"`
	Time     time.Time    `json:"time"`
	Kind     string       `json:"kind"`
	Name     string       `json:"name"`
	Subject  string       `json:"subject"`
	Year     string       `json:"year,omitempty"`
	Today    *TrialReason `json:"today,omitempty"`
	Proposed *TrialReason `json:"proposed,omitempty"`
}

// TrialReason is why an event is flagged.
type TrialReason struct {
	Category string `json:"category"`
	Severity string `json:"severity"`
	Rule     string `json:"rule"`
	Match    string `json:"match"`
}
