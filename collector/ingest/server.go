package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"buf.build/go/protovalidate"
	"golang.org/x/sync/semaphore"

	"safelight/collector/model"
	"safelight/internal/event"
	safelightv1 "safelight/proto/safelight/v1"
)

// Protocol is the revision of the protocol that this package speaks.
const Protocol = 1

// capabilities are announced in the first acknowledgement.
var capabilities = []string{"events", "health", "tombstones", "checks", "check-protocols", "check-networks"}

// Store is where records go. When AppendRecords returns without error they are
// on disk.
type Store interface {
	AppendRecords(ctx context.Context, school model.SchoolID, batch model.Batch) (model.Appended, error)
}

// Options is what a Server is made of. All but Wake and Seen are needed.
type Options struct {
	Store Store
	// DeviceFrom reads from a call's context which device its certificate
	// names; not ok: none that may deliver.
	DeviceFrom func(ctx context.Context) (device string, school model.SchoolID, ok bool)
	// Ready makes events ready for the store, in their stream's own goroutine; nil:
	// the store does all by itself.
	Ready func(school model.SchoolID, events []model.Event)
	// Unlisted says that an event's list does not hold its name, so that nobody is
	// to be told of it; nil: all are believed.
	Unlisted func(ctx context.Context, e *model.Event) bool
	// Wake is called after new events are on disk, with the highest severity
	// among them. It must not block.
	Wake func(school model.SchoolID, highest event.Severity)
	// Seen is called when a device has delivered something. It must not block.
	Seen func(school model.SchoolID, device string, at time.Time)
	// Checked is called when a device's check is on disk, with the request that it
	// answers, if any. It must not block.
	Checked func(school model.SchoolID, device, request string)
	Now     func() time.Time
	Logger  *slog.Logger
	Version string // of this program, for Hello
	// Positions remembers what is held; nil: nobody does, and Held says nothing.
	Positions Positions
	// Limits are each device's; the zero value: DefaultLimits.
	Limits Limits
}

// Server implements AgentService.Ship. Run must be running for it to store
// anything.
type Server struct {
	store      Store
	deviceFrom func(ctx context.Context) (string, model.SchoolID, bool)
	wake       func(model.SchoolID, event.Severity)
	seen       func(model.SchoolID, string, time.Time)
	checked    func(school model.SchoolID, device, request string)
	ready      func(model.SchoolID, []model.Event)
	unlisted   func(context.Context, *model.Event) bool
	now        func() time.Time
	logger     *slog.Logger
	hello      *safelightv1.Hello
	validator  protovalidate.Validator
	queue      chan *submission
	held       *semaphore.Weighted // room for records that wait
	heavy      chan struct{}       // room for large batches that are checked
	stopped    chan struct{}       // closed when Run has ended
	underway   underway
	ledger     ledger
	allowances allowances
}

// compiled are the rules that stand beside the fields in the protocol, compiled
// once: that takes some tenths of a second.
var compiled = sync.OnceValues(func() (protovalidate.Validator, error) {
	return protovalidate.New(
		protovalidate.WithMessages(&safelightv1.Event{}, &safelightv1.Health{}, &safelightv1.CheckReport{}, &safelightv1.Tombstone{}, &safelightv1.Clock{}),
		protovalidate.WithFailFast(),
	)
})

// New makes a Server.
func New(o Options) (*Server, error) {
	validator, err := compiled()
	if err != nil {
		return nil, fmt.Errorf("preparing the checks of events: %w", err)
	}
	s := &Server{
		store: o.Store, deviceFrom: o.DeviceFrom, wake: o.Wake, seen: o.Seen, now: o.Now, logger: o.Logger, unlisted: o.Unlisted,
		hello:     &safelightv1.Hello{Version: o.Version, Protocol: Protocol, Capabilities: capabilities},
		validator: validator,
		queue:     make(chan *submission, queued),
		held:      semaphore.NewWeighted(heldRecords),
		heavy:     make(chan struct{}, heavyAtOnce()),
		stopped:   make(chan struct{}),
		underway:  underway{empty: make(chan struct{})},
		ledger:    ledger{store: o.Positions, logger: o.Logger, dirty: map[laneKey]uint64{}},
	}
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits
	}
	if s.checked = o.Checked; s.checked == nil {
		s.checked = func(model.SchoolID, string, string) {}
	}
	s.allowances = allowances{limits: o.Limits, all: map[string]*allowance{}}
	if s.wake == nil {
		s.wake = func(model.SchoolID, event.Severity) {}
	}
	if s.ready = o.Ready; s.ready == nil {
		s.ready = func(model.SchoolID, []model.Event) {}
	}
	if s.seen == nil {
		s.seen = func(model.SchoolID, string, time.Time) {}
	}
	return s, nil
}
