package model

import "time"

// Delay is how long it took from an alert's first event being observed, by the
// clock as corrected, to the first recipient's channel having accepted word of
// it. There is none while nobody has been told. Where the alert is Late its
// device was offline, and its delay says nothing about how fast we are: it
// stands apart in every figure.
func Delay(a Alert, notifications []Notification) (time.Duration, bool) {
	first := FirstAccepted(notifications)
	if first.IsZero() {
		return 0, false
	}
	return first.Sub(a.First), true
}

// FirstAccepted is when the first of them was accepted; zero: none has been.
func FirstAccepted(notifications []Notification) (first time.Time) {
	for _, n := range notifications {
		if !n.Accepted.IsZero() && (first.IsZero() || n.Accepted.Before(first)) {
			first = n.Accepted
		}
	}
	return first
}
