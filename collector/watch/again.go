package watch

import (
	"time"

	safelightv1 "safelight/proto/safelight/v1"
)

// A device that was sent the policy in force and still says that it has an older
// one is sent it again: its line broke, its disk was full, or what it had on its
// disk was damaged since. It has this long to fetch it first, and twice as long
// each time, so that one that cannot take it is not asked all day.
const (
	firstAgain = 2 * time.Minute
	lastAgain  = time.Hour
)

// sentPolicy is the policy that was last sent on a stream.
type sentPolicy struct {
	epoch, serial uint64
	at            time.Time
	wait          time.Duration // until it is sent again
}

// is says whether it is that version.
func (s *sentPolicy) is(epoch, serial uint64) bool { return s.epoch == epoch && s.serial == serial }

// send notes a version that is sent now.
func (s *sentPolicy) send(epoch, serial uint64, now time.Time) {
	if s.wait == 0 || s.newer(epoch, serial) {
		s.wait = firstAgain
	}
	s.epoch, s.serial, s.at = epoch, serial, now
}

func (s *sentPolicy) newer(epoch, serial uint64) bool {
	return epoch > s.epoch || epoch == s.epoch && serial > s.serial
}

// behind says whether a device that reports a version is due to be sent the one
// in force again.
func (s *sentPolicy) behind(st *safelightv1.AgentStatus, now time.Time) bool {
	older := st.GetPolicyEpoch() < s.epoch || st.GetPolicyEpoch() == s.epoch && st.GetPolicySerial() < s.serial
	if !older || now.Sub(s.at) < s.wait {
		return false
	}
	s.wait = min(2*s.wait, lastAgain)
	return true
}
