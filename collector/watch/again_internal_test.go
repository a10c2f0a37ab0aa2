package watch

import (
	"testing"
	"time"

	safelightv1 "safelight/proto/safelight/v1"
)

func TestADeviceThatCannotTakeAPolicyIsSentItAgainMoreAndMoreSeldom(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	var s sentPolicy
	s.send(1, 2, now)
	behind := &safelightv1.AgentStatus{PolicyEpoch: 1, PolicySerial: 1}
	var sent []time.Duration
	for beat := range 12 * 120 { // half a day of heartbeats
		at := now.Add(time.Duration(beat) * 30 * time.Second)
		if s.behind(behind, at) {
			s.send(1, 2, at)
			sent = append(sent, at.Sub(now))
		}
	}
	if len(sent) < 10 || len(sent) > 20 || sent[0] != firstAgain || sent[1] != 3*firstAgain {
		t.Errorf("it was sent again after %v", sent)
	}
}

func TestADeviceThatHasThePolicyOrANewerOneIsNotSentItAgain(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	for name, st := range map[string]*safelightv1.AgentStatus{
		"that one": {PolicyEpoch: 2, PolicySerial: 5}, "a newer serial": {PolicyEpoch: 2, PolicySerial: 6}, "a newer epoch": {PolicyEpoch: 3, PolicySerial: 1},
	} {
		var s sentPolicy
		s.send(2, 5, now)
		if s.behind(st, now.Add(24*time.Hour)) {
			t.Errorf("%s: it is sent again", name)
		}
	}
	var none sentPolicy // nothing was sent yet
	if none.behind(&safelightv1.AgentStatus{}, now) {
		t.Error("something is sent again that never was")
	}
	var s sentPolicy
	s.send(2, 5, now)
	if !s.behind(&safelightv1.AgentStatus{PolicyEpoch: 1, PolicySerial: 9}, now.Add(firstAgain)) || s.wait != 2*firstAgain {
		t.Error("a device of an older epoch is not sent it")
	}
	s.send(2, 6, now.Add(firstAgain))
	if s.wait != firstAgain {
		t.Errorf("a newer policy waits %s", s.wait)
	}
}
