package model

import (
	"context"
	"time"
)

// AuditRecord is one line of the school's record: who did or looked at what. It
// holds references and pseudonyms only, never a word that was seen nor the name
// of a pupil.
type AuditRecord struct {
	At      time.Time // zero: the record stamps it when it takes it in
	Actor   string    // "user:ID", "system:NAME" (operating system), "device:ID", "token:ID", "service"
	Via     string    // an address, or "command line as NAME"
	What    string    // "read.alert", "user.add", ...
	Ref     string    // of what: "alert:REF", "user:ID", "device:ID", ...
	Reason  string    // as given by the person
	Outcome string    // where there is more than one
}

// AuditRow is a record as the log keeps it. Salt and Record are empty where the
// record was erased; the leaf stays.
type AuditRow struct {
	Index  int64
	Leaf   []byte // SHA-256 of salt and record
	Salt   []byte
	Record []byte // canonical JSON
	Ref    string // the record's, to find it by
	Erased string // why; empty: it is there
}

// AuditHead says how far each of the log's tables goes. They agree unless
// somebody changed them.
type AuditHead struct {
	Leaves, Records, Hashes, Signed int64
}

// AuditCheckpoint is a signed statement of the log's size and root.
type AuditCheckpoint struct {
	Size int64
	Root []byte
	Note []byte
	At   time.Time
}

// AuditWitness is a checkpoint held by a device that the log does not agree
// with.
type AuditWitness struct {
	Device string
	Size   int64
	Note   []byte
	At     time.Time
}

// Actor is who stands behind what is done in a context.
type Actor struct {
	Who    string // as AuditRecord.Actor
	Via    string
	Reason string
}

// UserActor names a user of the console in a record.
func UserActor(id string) string { return "user:" + id }

// DeviceActor names a device.
func DeviceActor(id string) string { return "device:" + id }

// SystemActor names a user of the operating system, at a command line.
func SystemActor(name string) string { return "system:" + name }

// AlertRef names an alert in a record.
func AlertRef(ref string) string { return "alert:" + ref }

type actorKey struct{}

// WithActor says who does what is done with ctx. The store writes it into the
// record, in the transaction that changes something.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf reads what WithActor put there; nobody means the service itself.
func ActorOf(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok {
		return a
	}
	return Actor{Who: "service"}
}
