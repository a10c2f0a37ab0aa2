// Package notify tells one person about one alert, by mail. What it sends says
// that there is something to read and where, and nothing else: a severity, a
// random reference, a link (G11). No header, subject or body names a school, a
// pupil, a category or a device.
//
// It sends once and says what came of it; whoever calls it keeps the schedule.
// Its errors carry the decision: try again after a while, or give up. Only the
// alert workers and the server's assembly room import it.
package notify
