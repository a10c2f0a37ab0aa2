package model

import (
	"fmt"
	"strings"
	"time"
)

// CheckWeek is a week's check: what every device found, what people wrote, what
// changed, and who signed.
type CheckWeek struct {
	School   SchoolID
	Week     string
	From, To time.Time // Monday to Monday, in the school's zone
	// Devices are those enrolled by the week's end, by name.
	Devices []CheckedDevice
	// Sites and Systems sum them; what is not known of a device is the empty name.
	Sites, Systems []CheckedGroup
	// Users are the kinds of accounts, and what was tried as each.
	Users []CheckedUsers
	// Filter are devices' own tries of the filter, as the service itself.
	Filter     []Check
	Records    []CheckRecord
	Signatures []CheckSignature
	Reviews    []ReviewGroup
	// Hides are what kept names from being seen, by devices' newest checks.
	Hides []HidingGroup
	// Before are the signatures of the week before.
	Before []CheckSignature
	// Request is the newest, and Answered how many devices have.
	Request  CheckRequest
	Answered int
	// Names are of the people named above, by user id.
	Names map[string]string
}

// CheckState is how a device came out of a week.
type CheckState string

// The states of a device in a week.
const (
	CheckPassed CheckState = "passed"
	CheckFailed CheckState = "failed"
	CheckNone   CheckState = "none" // no check arrived
)

// CheckedDevice is a device in a week.
type CheckedDevice struct {
	ID, Name, Site, OS string
	Enrolled           time.Time
	State              CheckState
	Check              Check // the newest of the week; zero where there is none
}

// CheckedGroup is a site's devices or a system's.
type CheckedGroup struct {
	Name                           string
	Devices, Passed, Failed, Other int
}

// CheckedUsers is one kind of accounts. What was tried as another kind, or as the
// service itself, counts for none of them (G19).
type CheckedUsers struct {
	Group           string
	Filter, Monitor []CheckRecord
}

// ReviewGroup is a change, and how many devices it was on.
type ReviewGroup struct {
	What, Was, Now string
	Devices        int
	Raised         time.Time // first
}

// HidingGroup is something that hides names, and on how many devices it was met
// since their agents started.
type HidingGroup struct {
	What    string // in words: "encrypted DNS (DNS over TLS)"
	Devices int
}

// Counts says how many devices there are, and how they came out.
func (w CheckWeek) Counts() (devices, passed, failed, none int) {
	for _, d := range w.Devices {
		switch d.State {
		case CheckPassed:
			passed++
		case CheckFailed:
			failed++
		case CheckNone:
			none++
		}
	}
	return len(w.Devices), passed, failed, none
}

// Trouble says that something failed, or was not tried where it could have been.
func (w CheckWeek) Trouble() bool {
	_, _, failed, none := w.Counts()
	if failed > 0 || none > 0 {
		return true
	}
	for _, r := range w.Records {
		if (r.Kind == RecordFilter || r.Kind == RecordMonitor) && !r.Worked {
			return true
		}
	}
	for _, c := range w.Filter {
		if len(c.Failed()) > 0 {
			return true
		}
	}
	return false
}

// ActedOn says that somebody wrote what is done about the week's trouble.
func (w CheckWeek) ActedOn() bool {
	for _, r := range w.Records {
		if r.Done != "" {
			return true
		}
	}
	return false
}

// Summary is what the page says, in a sentence: it is kept with each signature.
func (w CheckWeek) Summary() string {
	devices, passed, failed, none := w.Counts()
	parts := []string{fmt.Sprintf("%d of %d devices passed", passed, devices)}
	if failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", failed))
	}
	if none > 0 {
		parts = append(parts, fmt.Sprintf("no check came from %d", none))
	}
	tried := 0
	for _, c := range w.Filter {
		if c.Passed() || len(c.Failed()) > 0 { // and not a device without a connection
			tried++
		}
	}
	for _, u := range w.Users {
		tried += len(u.Filter)
	}
	switch tried {
	case 0:
		parts = append(parts, "the filter was not tried")
	case 1:
		parts = append(parts, "the filter was tried once")
	default:
		parts = append(parts, fmt.Sprintf("the filter was tried %d times", tried))
	}
	return strings.Join(parts, ", ")
}

// SignedBy is a side's signature.
func (w CheckWeek) SignedBy(side CheckSide) (CheckSignature, bool) {
	for _, s := range w.Signatures {
		if s.Side == side {
			return s, true
		}
	}
	return CheckSignature{}, false
}
