// Package selfcheck proves that a device's monitoring works, and incriminates
// nobody: it asks for a name made up for the occasion, says that name in a TLS
// hello, in a plain HTTP request and over QUIC, starts a program of the agent's own, and
// waits until the pipeline was told of each by the source that must see it.
//
//	Checker --question, hellos, request, program-> the device --source--> queue
//	Marks   <------------- Took, before anything is judged <------------ pipeline
//
// What belongs to a running check is taken out before it is judged: it is no
// event, is counted as nobody's, and no rule sees it. What merely looks like a
// check (the reserved domain without the running number) is judged as anything
// else is. The report travels like an event, in the lowest lane, and counts only
// once the collector has stored it.
//
// Only agent/daemon builds it. A filter's test, the other half, runs as the
// service alone and never while a pupil is signed in (G19).
package selfcheck
