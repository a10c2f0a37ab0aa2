// Package watch answers a device's long Watch stream: it takes the heartbeat and
// sends directives (policy, trust), serves the policy's files, and answers who
// an account is. Delivery of events is collector/ingest's. Only
// collector/server builds it.
package watch

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"safelight/collector/model"
	"safelight/internal/event"
	"safelight/internal/version"
	safelightv1 "safelight/proto/safelight/v1"
)

const (
	chunkBytes = 256 << 10
	// A stream ends after this long, give or take a quarter, so that devices
	// spread over collectors again.
	streamAge = 6 * time.Hour
	// What a device says goes no further into our log than the protocol's limit.
	maxDetail = 1024
)

// Policies is what is in force.
type Policies interface {
	Signed() *safelightv1.SignedManifest
}

// Blobs reads a policy's file.
type Blobs interface {
	Blob(ctx context.Context, school model.SchoolID, sha [32]byte) ([]byte, error)
}

// Fleet takes heartbeats.
type Fleet interface {
	Status(school model.SchoolID, device string, st *safelightv1.AgentStatus, now time.Time)
	Gone(school model.SchoolID, device string)
}

// People answers who an account is.
type People interface {
	ResolveAccount(ctx context.Context, school model.SchoolID, account string, now time.Time) (*safelightv1.ResolveAccountResponse, error)
}

// Audit is the record, whose checkpoints devices hold.
type Audit interface {
	// Announced is the newest checkpoint for devices; nil: there is none.
	Announced() []byte
	// Held compares what a device holds with the record, and says whether they
	// agree.
	Held(ctx context.Context, school model.SchoolID, device string, note []byte) bool
}

// Held says up to where each lane of a device's spool is held without a hole: at
// least so far. Nil: nobody knows, and nothing is asked for again.
type Held func(ctx context.Context, school model.SchoolID, device string, epoch []byte) (map[event.Severity]uint64, error)

// DeviceFrom finds whose call it is.
type DeviceFrom func(ctx context.Context) (device string, school model.SchoolID, ok bool)

// Service holds the open Watch streams.
type Service struct {
	policies Policies
	blobs    Blobs
	fleet    Fleet
	people   People
	audit    Audit
	device   DeviceFrom
	trust    func() *safelightv1.TrustBundle
	held     Held
	keys     Keys
	now      func() time.Time
	log      *slog.Logger

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when there is something to send
}

// Parts are what a Service is built of; all are needed.
type Parts struct {
	Policies   Policies
	Blobs      Blobs
	Fleet      Fleet
	People     People
	Audit      Audit
	DeviceFrom DeviceFrom
	Trust      func() *safelightv1.TrustBundle
	Held       Held
	Keys       Keys // what rotation and copies need; may be empty
	Now        func() time.Time
	Log        *slog.Logger
}

// New makes the service.
func New(p Parts) *Service {
	return &Service{
		policies: p.Policies, blobs: p.Blobs, fleet: p.Fleet, people: p.People, audit: p.Audit, device: p.DeviceFrom,
		trust: p.Trust, held: p.Held, keys: p.Keys, now: p.Now, log: p.Log, changed: make(chan struct{}),
	}
}

// PolicyChanged has every open stream look for a new policy.
func (s *Service) PolicyChanged() { s.wake() }

// CheckpointAnnounced has every open stream look for a new checkpoint.
func (s *Service) CheckpointAnnounced() { s.wake() }

func (s *Service) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Service) waitChange() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Watch serves one device until it leaves.
func (s *Service) Watch(stream safelightv1.AgentService_WatchServer) error {
	ctx := stream.Context()
	device, school, ok := s.device(ctx)
	if !ok {
		return status.Error(codes.Unauthenticated, "no device certificate: enrol first")
	}
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	if first.GetHello() == nil {
		return status.Error(codes.InvalidArgument, "hello: the first message must carry it")
	}
	defer s.fleet.Gone(school, device)
	w := &watcher{service: s, stream: stream, school: school, device: device}
	w.identity.hello(first)
	w.checkpoints.able = slices.Contains(first.GetHello().GetCapabilities(), capCheckpoint)
	w.saw(ctx, first)
	hello := &safelightv1.Directive{Hello: &safelightv1.Hello{Version: version.Version, Protocol: version.Protocol, Capabilities: []string{"policy", "trust", "resend", capCheckpoint}}}
	if err := w.send(hello); err != nil {
		return err
	}
	if err := w.askAgain(ctx, first); err != nil {
		return err
	}
	return w.run(ctx)
}

// watcher is one stream. Sends happen on run's goroutine only.
type watcher struct {
	service *Service
	stream  safelightv1.AgentService_WatchServer
	school  model.SchoolID
	device  string
	lastID  uint64

	epoch, serial uint64 // of the policy last sent

	checkpoints checkpoints
	identity    identity
}

func (w *watcher) run(ctx context.Context) error {
	statuses := make(chan *safelightv1.AgentStatus)
	ended := make(chan error, 1)
	go func() { ended <- receive(ctx, w.stream, statuses) }()
	age := time.NewTimer(streamAge*3/4 + rand.N(streamAge/2))
	defer age.Stop()
	for {
		changed := w.service.waitChange()           // before sending, so that no change is missed
		if err := w.sendIdentity(ctx); err != nil { // trust goes before what it proves
			return err
		}
		if err := w.sendPolicy(); err != nil {
			return err
		}
		if err := w.sendCheckpoint(); err != nil {
			return err
		}
		select {
		case <-changed:
		case st := <-statuses:
			w.saw(ctx, st)
		case err := <-ended:
			return err
		case <-age.C:
			return nil
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
}

func receive(ctx context.Context, stream safelightv1.AgentService_WatchServer, out chan<- *safelightv1.AgentStatus) error {
	for {
		st, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case out <- st:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *watcher) saw(ctx context.Context, st *safelightv1.AgentStatus) {
	w.compare(ctx, st.GetAuditCheckpoint())
	w.noticeCopies(ctx)
	w.service.fleet.Status(w.school, w.device, st, w.service.now())
	for _, r := range st.GetResults() {
		if r.GetStatus() == safelightv1.DirectiveResult_STATUS_FAILED {
			w.service.log.Warn("a device could not do what it was told", "device", w.device, "directive", r.GetId(), "detail", clip(r.GetDetail(), maxDetail))
		}
	}
}

func clip(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }

// sendPolicy sends the policy in force once per stream and version.
func (w *watcher) sendPolicy() error {
	signed := w.service.policies.Signed()
	if signed == nil {
		return nil
	}
	epoch, serial, err := versionOf(signed)
	if err != nil {
		return status.Error(codes.Internal, "the policy in force cannot be read")
	}
	if epoch == w.epoch && serial == w.serial {
		return nil
	}
	w.epoch, w.serial = epoch, serial
	return w.send(&safelightv1.Directive{Kind: &safelightv1.Directive_Policy{Policy: signed}})
}

func (w *watcher) send(d *safelightv1.Directive) error {
	w.lastID++
	d.Id = w.lastID
	d.ServerTime = timestamppb.New(w.service.now())
	return w.stream.Send(d)
}
