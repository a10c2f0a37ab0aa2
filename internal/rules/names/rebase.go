package names

import "time"

const (
	// rebaseShare is the part of a table's names that an overlay may change: 2 %.
	rebaseShare = 50
	rebaseAge   = 30 * 24 * time.Hour
	rebaseDelay = 24 * time.Hour
)

// ShouldRebase says whether a table of baseNames, age old, with an overlay of so
// many changes is due to be replaced by a new one: when more than 2 % of the
// names have changed, or after a month. jitterSeed, a random number that each
// device keeps, puts both off by a part of its own, up to a tenth of the changes
// and a day, so that not every device fetches at once.
func ShouldRebase(baseNames, overlayEntries int, age time.Duration, jitterSeed uint64) bool {
	part := mix(jitterSeed+1) >> 44 // of 2^20
	most := uint64(baseNames) / rebaseShare
	most += most * part / 10 >> 20
	return uint64(overlayEntries) > most || age > rebaseAge+RebaseDelay(jitterSeed, rebaseDelay)
}

// RebaseDelay is how long a device waits before it fetches a table that it could
// do without, once it knows of it: from nothing to most, different from device
// to device and the same for one seed.
func RebaseDelay(jitterSeed uint64, most time.Duration) time.Duration {
	part := mix(jitterSeed+2) >> 44 // of 2^20
	return time.Duration(uint64(max(most, 0)) >> 20 * part)
}
