package spool

import "errors"

// What the spool's calls answer, for errors.Is. Only ErrNoSpace is worth trying
// again with the same batch.
var (
	// ErrNoSpace: the disk is full. Nothing was kept of the batch, the spool
	// is unharmed, and later writes work once there is room.
	ErrNoSpace = errors.New("no space left on the disk")
	// ErrTooLarge: a record, checkpoint or batch is over its limit. Nothing
	// of the batch was kept.
	ErrTooLarge = errors.New("too large for the spool")
	// ErrLane: there is no such lane.
	ErrLane = errors.New("no such lane")
	// ErrLocked: another process has the spool open.
	ErrLocked = errors.New("in use by another process")
	// ErrClosed: the spool has been closed.
	ErrClosed = errors.New("spool is closed")
	// ErrNotPending: the record is not there, or no longer.
	ErrNotPending = errors.New("no such record pending")
)
