package event

import "time"

// Owner is who a flow or a process belongs to, as far as the device can tell.
// What is not known stays empty, and Unknown says why.
type Owner struct {
	PID     int
	Process string
	Exe     string
	UID     *uint32
	User    string
	Unknown string
	Origin

	// SID is the account's number on Windows, as text, where the system told it
	// beside what was seen. At is when it was seen so: a process that began later
	// and has the PID is another. Neither goes into an observation.
	SID string
	At  time.Time
}

// SetOwner writes what w knows into the observation.
func (o *Observation) SetOwner(w Owner) {
	o.PID, o.Process, o.Exe = w.PID, w.Process, w.Exe
	o.UID, o.User, o.Unknown = w.UID, w.User, w.Unknown
	o.Origin = w.Origin
}

// Owner reads back what SetOwner wrote.
func (o *Observation) Owner() Owner {
	return Owner{
		PID: o.PID, Process: o.Process, Exe: o.Exe, UID: o.UID, User: o.User, Unknown: o.Unknown, Origin: o.Origin,
	}
}
