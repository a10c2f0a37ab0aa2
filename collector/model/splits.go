package model

import (
	"errors"
	"time"
)

// A copy of a device becomes a device of its own when it is told to, and whoever has a
// device's key can play as many copies as they like. So there are bounds, for a device
// and all that came of it: an image that went to 300 laptops is told apart within half
// a day of school, and nobody fills the school's list overnight.
const (
	SplitsAnHour = 100
	SplitsADay   = 400
	// SplitLeaveMost is how many more a person may let through at once.
	SplitLeaveMost = 2000
)

// SplitLeaveLasts is how long leave for more lasts.
const SplitLeaveLasts = 24 * time.Hour

// MoreMaySplit says whether one more may come of a family of which so many came in the
// last hour and day, with leave for so many more.
func MoreMaySplit(hour, day, leave int) bool {
	return hour < SplitsAnHour+leave && day < SplitsADay+leave
}

// Run is one run of an agent, which names itself anew each time that it is started.
type Run struct {
	Device   string
	Instance string
	Arrived  time.Time // when it was first heard
	Heard    time.Time // last, a day late at most
	Told     time.Time // when it was told to become a device of its own; zero: it was not
	Own      bool      // it became one
	KeyHash  []byte    // of the device that it became
}

// Split is a copy that is to become a device of its own.
type Split struct {
	From     string // the device that it was copied from
	Instance string // the run of the agent that asks
	Device   Device // what it becomes
}

// SplitAnswer is what became of one.
type SplitAnswer struct {
	ID string // the device that it is now
	// Held says that as many as may came of the family: nothing was changed, and it may
	// be asked again. News: IT was told of it just now.
	Held, News bool
}

// CameOf says which device one was a copy of.
type CameOf struct {
	Device string
	Parent string
	Origin string // the first of the family
	At     time.Time
}

// RevokeCopies asks to revoke what came of a device's copies.
type RevokeCopies struct {
	Of     string
	Itself bool // and that device
	Most   int  // not if more than so many came of it
}

// ErrMoreCopies says that more came of a device than somebody was told when they said to
// revoke them.
var ErrMoreCopies = errors.New("more than that: look again")
