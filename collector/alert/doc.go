// Package alert turns stored events into alerts and sees to it that somebody is
// told: it drives the gatherer, and runs the job queue that tells one recipient
// a job.
//
// It promises that an alert, whom it is told to and the jobs that tell them
// become durable together; that a job holds references only, never a name, an
// address or a word; that there is never a job per event; and that a telling
// that fails is tried again for a day and then stands as a visible failure.
// High and urgent alerts are told at once. Low and medium ones belong in the
// same day's digest, which is not built yet: they are in the inbox at once, and
// told to nobody.
//
// How a recipient is told is for alert/notify. Only collector/server imports
// this package.
package alert
