package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"safelight/internal/event"
)

// CheckLife is how long a device's passed check proves that it is monitored: a
// week, and the day within which the next is made.
const CheckLife = 8 * 24 * time.Hour

// CheckWhat is what a check tried or looked at.
type CheckWhat string

// What checks try.
const (
	CheckDNS     CheckWhat = "dns"
	CheckTLS     CheckWhat = "tls"
	CheckHTTP    CheckWhat = "http"
	CheckQUIC    CheckWhat = "quic"
	CheckProgram CheckWhat = "program"
	CheckLog     CheckWhat = "log"
	CheckFilter  CheckWhat = "filter"
)

// CheckOutcome is what became of a try.
type CheckOutcome string

// The outcomes of tries.
const (
	CheckSeen       CheckOutcome = "seen"
	CheckNotSeen    CheckOutcome = "not-seen"
	CheckNotChecked CheckOutcome = "not-checked"
	CheckBlocked    CheckOutcome = "blocked"
	CheckNotBlocked CheckOutcome = "not-blocked"
)

// CheckCause is why a device checked itself.
type CheckCause string

// The causes of checks.
const (
	CheckAskedHere   CheckCause = "asked-here" // on the device
	CheckWeekly      CheckCause = "weekly"
	CheckByCollector CheckCause = "collector"
)

// CheckResult is one try of a check.
type CheckResult struct {
	Source  string        `json:"source"` // of the filter's: the school's name for its page
	What    CheckWhat     `json:"what"`
	Outcome CheckOutcome  `json:"outcome"`
	Way     string        `json:"way,omitempty"`
	Via     event.Via     `json:"via,omitempty"`
	Delay   time.Duration `json:"delay,omitempty"`
	Detail  string        `json:"detail,omitempty"`
	// ShouldOpen is of a page that the filter is to let through.
	ShouldOpen bool `json:"should_open,omitempty"`
}

// Good says that the try came out as it should.
func (r CheckResult) Good() bool {
	if r.What == CheckFilter {
		return r.Outcome == CheckBlocked && !r.ShouldOpen || r.Outcome == CheckNotBlocked && r.ShouldOpen
	}
	return r.Outcome == CheckSeen
}

// Bad says that the try came out as it should not: what could not be tried is
// neither.
func (r CheckResult) Bad() bool { return !r.Good() && r.Outcome != CheckNotChecked }

// Check is a device's check of itself, about no person: a made-up visit and a
// program of the agent's own, followed to the ledger; or the school's filter,
// tried by the service itself.
type Check struct {
	School   SchoolID
	Device   string
	ID       [16]byte
	Place    Place
	Digest   []byte
	Began    time.Time // by the collector's clock
	Received time.Time
	Cause    CheckCause
	Request  string // the collector's request that it answers
	CheckBody
}

// CheckBody is what a check found.
type CheckBody struct {
	Results []CheckResult `json:"results"`
	// Hidden counts what kept names from being seen since the agent started.
	Hidden  map[string]uint64 `json:"hidden,omitempty"`
	Version string            `json:"version"`
	// System and Browsers are the operating system with its version and the
	// browsers installed.
	System       string   `json:"system"`
	Browsers     []string `json:"browsers,omitempty"`
	PolicyEpoch  uint64   `json:"policy_epoch,omitempty"`
	PolicySerial uint64   `json:"policy_serial,omitempty"`
	// NewNetworks are the sites at which the device met a network new to it.
	NewNetworks []string `json:"new_networks,omitempty"`
	Told        string   `json:"told,omitempty"` // who answers for the filter and was told
}

// OfFilter says that the check tried the school's filter and not its monitoring.
func (c Check) OfFilter() bool {
	return slices.ContainsFunc(c.Results, func(r CheckResult) bool { return r.What == CheckFilter })
}

// Passed says that something was seen and nothing that was tried was missed.
func (c Check) Passed() bool {
	return len(c.Failed()) == 0 && slices.ContainsFunc(c.Results, CheckResult.Good)
}

// Failed are the tries that came out as they should not.
func (c Check) Failed() []CheckResult {
	return slices.DeleteFunc(slices.Clone(c.Results), func(r CheckResult) bool { return !r.Bad() })
}

// Amiss says in sentences why the check did not pass: what failed or, where nothing
// did, what could not be tried.
func (c Check) Amiss() []string {
	var failed, untried []string
	for _, r := range c.Results {
		switch {
		case r.Bad():
			failed = append(failed, SayResult(r))
		case !r.Good():
			untried = append(untried, SayResult(r))
		}
	}
	switch {
	case len(failed) > 0:
		return failed
	case len(untried) > 0:
		return untried
	}
	return []string{"No source is switched on."}
}

// CheckSide is one of the two who sign a week's check (G19).
type CheckSide string

// The two sides.
const (
	SideIT           CheckSide = "it"
	SideSafeguarding CheckSide = "safeguarding"
)

// SideOf says for which side a duty signs; empty for neither.
func SideOf(d Duty) CheckSide {
	switch d {
	case DutyIT:
		return SideIT
	case DutyDSL, DutyDeputy:
		return SideSafeguarding
	}
	return ""
}

// CheckSignature says that somebody has looked at a week's check.
type CheckSignature struct {
	School  SchoolID
	Week    string
	Side    CheckSide
	By      string // user id
	At      time.Time
	Summary string // what the page said, in one sentence
	Note    string
}

// RecordKind is what a person writes on a week's check.
type RecordKind string

// The kinds of records that people write.
const (
	RecordFilter   RecordKind = "filter"   // the filter was tried
	RecordMonitor  RecordKind = "monitor"  // monitoring was tried by hand
	RecordFeedback RecordKind = "feedback" // what staff said when asked (S93)
	RecordAction   RecordKind = "action"   // something was done about a failure
)

// RecordKinds lists them.
var RecordKinds = []RecordKind{RecordFilter, RecordMonitor, RecordFeedback, RecordAction}

// UserGroups are the kinds of accounts that a filter or monitor is tried as; one
// counts for no other.
var UserGroups = []string{"pupils", "staff", "guests"}

// CheckRecord is what a person wrote down: when, who, what was tried, what was
// done about it.
type CheckRecord struct {
	School SchoolID
	ID     string
	Week   string
	At     time.Time
	By     string // user id
	Kind   RecordKind
	What   string // what was tried, or who was asked
	// Group and Account are the kind of accounts and the test account that it was
	// tried as; both empty: as the service itself.
	Group, Account string
	Site           string
	Worked         bool
	Told           string // who answers for the filter and was told beforehand
	Found          string
	Done           string // what was done, or who will by when
}

// CheckRequest asks every device, or one, to check itself.
type CheckRequest struct {
	School SchoolID
	ID     string
	Device string // empty: every one
	At     time.Time
	By     string // user id, or the actor at the command line
	Within time.Duration
}

// Review is a change that calls for another look at filtering and monitoring.
type Review struct {
	School   SchoolID
	Device   string
	What     string // "system" or "browser"
	Was, Now string
	Raised   time.Time
}

// WeekOf names the week that a moment is in, by its own zone: "2026-W47", the
// fourth day of which decides the year (ISO 8601).
func WeekOf(t time.Time) string {
	year, week := t.ISOWeek()
	return fmt.Sprintf("%04d-W%02d", year, week)
}

// WeekSpan is when a week begins and when the next one does, in a zone.
func WeekSpan(week string, zone *time.Location) (from, to time.Time, err error) {
	var year, n int
	if _, err := fmt.Sscanf(week, "%4d-W%2d", &year, &n); err != nil || len(week) != 8 || n < 1 || n > 53 {
		return from, to, fmt.Errorf("week %q: want a year and a week such as 2026-W47", week)
	}
	fourth := time.Date(year, time.January, 4, 0, 0, 0, 0, zone) // is always in the first week
	monday := fourth.AddDate(0, 0, -(int(fourth.Weekday())+6)%7)
	from = monday.AddDate(0, 0, 7*(n-1))
	if WeekOf(from) != week {
		return from, to, fmt.Errorf("week %q: that year has none of this number", week)
	}
	return from, from.AddDate(0, 0, 7), nil
}

// triedWords say what was tried, at the beginning of a sentence.
var triedWords = map[CheckWhat]string{
	CheckDNS: "Looking up a made-up site (DNS)", CheckTLS: "An encrypted connection to a made-up site (TLS)",
	CheckHTTP: "A plain connection to a made-up site (HTTP)", CheckQUIC: "An encrypted connection to a made-up site (QUIC)", CheckProgram: "The start of a program of Safelight’s own",
}

// SayResult says what became of a try, in a sentence for IT and for safeguarding, who
// signs beneath it.
func SayResult(r CheckResult) string {
	var say string
	switch {
	case r.What == CheckFilter:
		say = "The test page “" + r.Source + "” was " + map[CheckOutcome]string{CheckBlocked: "blocked", CheckNotBlocked: "not blocked", CheckNotChecked: "not tried"}[r.Outcome]
		switch {
		case r.Good():
			say += ", as it should be"
		case r.Bad() && r.ShouldOpen:
			say += ", and should open"
		case r.Bad():
			say += ", and should be"
		}
	case r.What == CheckLog:
		say = "The followed log " + strings.TrimPrefix(r.Source, "weblog:") + " " + map[CheckOutcome]string{
			CheckSeen: "is read", CheckNotSeen: "is not read", CheckNotChecked: "was not checked",
		}[r.Outcome]
	default:
		say = triedWords[r.What] + " was " + map[CheckOutcome]string{CheckSeen: "seen", CheckNotSeen: "not seen", CheckNotChecked: "not tried"}[r.Outcome]
	}
	if r.Detail != "" {
		say += ": " + Plain(r.Detail)
	}
	return say + "."
}

// CheckRefusedError is what a person who writes on a week's check or signs it did
// wrong, in words for them.
type CheckRefusedError struct{ Field, Text string }

func (e *CheckRefusedError) Error() string { return e.Field + ": " + e.Text }

// RefusedField is the field that a refusal is about; empty for other errors.
func RefusedField(err error) string {
	var r *CheckRefusedError
	if errors.As(err, &r) {
		return r.Field
	}
	return ""
}
