// Package health watches over what the agent needs to see: the hosts file, the name
// servers, its own program and how it is started, the clock, its sources, the way to
// its collector, how its last run ended, and the notices that tell people of it. What
// changed is a health event: a fact for IT, without a user, in plain words, and never
// an accusation (G15). "The hosts file changed" is what is known; who did so and why
// is not.
//
//	look, once a minute --facts--> teller --at most one a topic and hour--> spool, lane low
//
// It asks and compares; it hangs on no notification of the system, so it is the same
// everywhere and misses what is put back within a minute. What it saw last is kept
// over restarts, so that a change made while the agent was down is noticed too. What
// somebody with administrator rights does thoroughly enough leaves no trace here: then
// the device falls silent, and that is what the collector tells.
//
// agent/daemon builds and runs it.
package health
