package notify

import "time"

// GiveUpAfter is how long a telling is tried: a mail server that is down over a
// day's end is up again the next morning, and after a day somebody must see the
// failure.
const GiveUpAfter = 24 * time.Hour

// waits are how long to wait after the first, second ... failed try; after the
// last it stays at that. Quick first, for most failures last seconds.
var waits = [...]time.Duration{
	5 * time.Second, 15 * time.Second, time.Minute, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute,
}

// WaitAfter is how long to wait after the failed try of this number, from 1.
func WaitAfter(try int) time.Duration {
	return waits[min(max(try, 1), len(waits))-1]
}
