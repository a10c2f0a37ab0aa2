package policy

import (
	"errors"

	"safelight/collector/model"
)

// ErrOvertaken says that other rules came into force after a change was
// reviewed.
var ErrOvertaken = errors.New("other rules came into force meanwhile: look at the change again")

// Change is what is to be published.
type Change struct {
	Files      map[string][]byte
	By, Reason string
	Proposal   string // id; empty: nobody proposed it
	// Over, where not nil, is the version that it was reviewed against: with any
	// other one in force it is not published.
	Over *Version
}

// Version names a version of a school's rules.
type Version = model.RuleVersion

// over says whether the version in force is the one that was reviewed.
func (c Change) over(last model.PolicyVersion, found bool) bool {
	if c.Over == nil {
		return true
	}
	if !found {
		return *c.Over == Version{}
	}
	return *c.Over == Version{Epoch: last.Epoch, Serial: last.Serial}
}
