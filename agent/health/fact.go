package health

import (
	"crypto/rand"
	"time"

	"google.golang.org/protobuf/proto"

	"safelight/internal/wire"
	safelightv1 "safelight/proto/safelight/v1"
)

// The topics there are. The collector has a title for each (collector/model).
const (
	HostsFile      = "hosts-file"
	NameServers    = "name-servers"
	ProgramChanged = "program-changed"
	UnitChanged    = "unit-changed"
	Upgraded       = "upgraded"
	ClockSet       = "clock"
	SourceLost     = "source-lost"
	SourceBack     = "source-back"
	Unreachable    = "collector-unreachable"
	Reached        = "collector-reached"
	EndedSuddenly  = "ended-suddenly"
	Stopped        = "stopped"
	Removed        = "removed"
	NoticeMissing  = "notice-missing"
	NoticeBack     = "notice-back"
)

// Limits on what is sent, and on what is kept.
const (
	maxDetail       = 1024
	maxTopicsInFile = 64
)

// Fact is something about the device: one or two sentences, which name nobody, no
// site and no account.
type Fact struct{ Topic, Detail string }

// Clock reads the wall clock, and the monotonic one with the name of its run.
type Clock = func() (wall time.Time, boot string, mono time.Duration)

// Record makes a fact a record for the spool, stamped with now.
func Record(f Fact, now Clock) ([]byte, error) {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	wall, boot, mono := now()
	return proto.MarshalOptions{Deterministic: true}.Marshal(&safelightv1.Record{Kind: &safelightv1.Record_Health{Health: &safelightv1.Health{
		Id: id[:], Observed: wire.Clock(wall, boot, mono), Topic: f.Topic, Detail: wire.Cut(f.Detail, maxDetail),
	}}})
}
