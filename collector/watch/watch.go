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
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"safelight/collector/model"
	"safelight/collector/rate"
	"safelight/internal/event"
	"safelight/internal/version"
	safelightv1 "safelight/proto/safelight/v1"
)

const (
	chunkBytes = 256 << 10
	// Statuses of one stream: an honest device's heartbeat comes twice a minute,
	// and once more for each directive. What comes faster waits.
	statusEvery = 200 * time.Millisecond
	statusBurst = 50
	// What a device says goes no further into our log than the protocol's limit,
	// nor more often on one stream.
	maxDetail  = 1024
	maxNoticed = 20
	// What a device says of itself stays in memory.
	maxStatus   = 128 << 10
	maxInstance = 64
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
	blobs    *sharing
	fleet    Fleet
	people   People
	audit    Audit
	device   DeviceFrom
	trust    func() *safelightv1.TrustBundle
	held     Held
	keys     Keys
	overlays Overlays
	places   Places
	about    About
	checks   Checks
	now      func() time.Time
	log      *slog.Logger
	resolves *rate.Limiter // by device
	guesses  *rate.Limiter // accounts that nobody has, by device
	fetches  *rate.Limiter // by device

	mu   sync.Mutex
	open map[*watcher]struct{} // guarded by mu
}

// Parts are what a Service is built of; all are needed but where they say so.
type Parts struct {
	Policies   Policies
	Blobs      Blobs
	Fleet      Fleet
	People     People
	Audit      Audit
	DeviceFrom DeviceFrom
	Trust      func() *safelightv1.TrustBundle
	Held       Held
	Keys       Keys     // what rotation and copies need; may be empty
	Overlays   Overlays // nil: there are none
	Places     Places   // nil: nobody knows
	About      About    // nil: there is no page
	Checks     Checks   // nil: none is ever asked for
	Now        func() time.Time
	Log        *slog.Logger
}

// New makes the service.
func New(p Parts) *Service {
	if p.About != nil {
		p.Blobs = withAbout{p.Blobs, p.About}
	}
	return &Service{
		about: p.About, checks: p.Checks,
		policies: p.Policies, blobs: newSharing(p.Blobs), fleet: p.Fleet, people: p.People, audit: p.Audit, device: p.DeviceFrom,
		trust: p.Trust, held: p.Held, keys: p.Keys, overlays: p.Overlays, places: p.Places, now: p.Now, log: p.Log,
		resolves: rate.New(resolveLimit, maxDevices, time.Now), guesses: rate.New(guessLimit, maxDevices, time.Now), fetches: rate.New(fetchLimit, maxDevices, time.Now), open: map[*watcher]struct{}{},
	}
}

// PolicyChanged has every open stream look for a new policy.
func (s *Service) PolicyChanged() { s.wake() }

// CheckpointAnnounced has every open stream look for a new checkpoint.
func (s *Service) CheckpointAnnounced() { s.wake() }

func (s *Service) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.open {
		w.poke()
	}
}

// Watch serves one device until it leaves. A stream on which nothing happens, as
// nearly all are nearly always, costs this one goroutine.
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
	if err := small(first); err != nil {
		return err
	}
	defer s.fleet.Gone(school, device)
	w := &watcher{service: s, ctx: ctx, stream: stream, school: school, device: device}
	if err := lent(func() error { return w.begin(first) }); err != nil {
		return err
	}
	s.enter(w)
	defer w.pokes.Wait() // after leave: nobody pokes any more
	defer s.leave(w)
	return w.receive()
}

func (s *Service) enter(w *watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[w] = struct{}{}
	w.poke() // for what changed since it began
}

func (s *Service) leave(w *watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, w)
}

// watcher is one stream.
type watcher struct {
	service *Service
	ctx     context.Context //nolint:containedctx // the stream's own, which lives as long
	stream  safelightv1.AgentService_WatchServer
	school  model.SchoolID
	device  string

	poked atomic.Bool    // a look is due that has not begun
	pokes sync.WaitGroup // looks under way; at most two

	mu     sync.Mutex // guards Send, and everything below
	lastID uint64

	noticed int // results that were logged

	policy sentPolicy
	again  bool // the device has not got it

	checkpoints checkpoints
	identity    identity
	overlays    overlays
	about       aboutPage
	checks      checks
}

// begin answers the first status.
func (w *watcher) begin(first *safelightv1.AgentStatus) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.identity.hello(first)
	w.checkpoints.able = slices.Contains(first.GetHello().GetCapabilities(), capCheckpoint)
	w.overlays.able = slices.Contains(first.GetHello().GetCapabilities(), capOverlays)
	w.checks.able = slices.Contains(first.GetHello().GetCapabilities(), capSelfcheck)
	w.about.able = slices.Contains(first.GetHello().GetCapabilities(), capAbout)
	w.saw(w.ctx, first)
	hello := &safelightv1.Directive{Hello: &safelightv1.Hello{Version: version.Version, Protocol: version.Protocol, Capabilities: []string{"policy", "trust", "resend", capCheckpoint, capOverlays}}}
	if err := w.send(hello); err != nil {
		return err
	}
	if err := w.askAgain(w.ctx, first); err != nil {
		return err
	}
	return w.tell()
}

// lent runs what takes a deep stack, such as asking the store, on another
// goroutine's: a stream's own would keep its size for as long as it is open.
func lent(f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return <-done
}

// receive takes heartbeats until the device leaves.
func (w *watcher) receive() error {
	pace := pacer{left: statusBurst, at: time.Now()}
	for {
		st, err := w.stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := small(st); err != nil {
			return err
		}
		if err := w.heartbeat(st); err != nil {
			return err
		}
		if err := pace.wait(w.ctx); err != nil {
			return status.FromContextError(err).Err()
		}
	}
}

func (w *watcher) heartbeat(st *safelightv1.AgentStatus) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.saw(w.ctx, st)
	return w.tell()
}

// poke has the stream look soon for something to tell its device. It does not
// wait: a device that does not read holds up nobody else.
func (w *watcher) poke() {
	if w.poked.Swap(true) {
		return
	}
	w.pokes.Go(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.poked.Store(false)
		_ = w.tell() // a stream that breaks ends receive, which says why
	})
}

// tell sends what is new: trust goes before what it proves. It needs mu.
func (w *watcher) tell() error {
	if err := w.sendIdentity(w.ctx); err != nil {
		return err
	}
	if err := w.sendPolicy(); err != nil {
		return err
	}
	if err := w.sendSite(w.ctx); err != nil {
		return err
	}
	if err := w.sendOverlays(); err != nil {
		return err
	}
	if err := w.sendAbout(); err != nil {
		return err
	}
	if err := w.sendCheck(); err != nil {
		return err
	}
	return w.sendCheckpoint()
}

// small refuses what no honest agent says, before any of it is kept.
func small(st *safelightv1.AgentStatus) error {
	switch n := proto.Size(st); {
	case n > maxStatus:
		return status.Errorf(codes.InvalidArgument, "status: %d bytes, want at most %d", n, maxStatus)
	case len(st.GetInstance()) > maxInstance:
		return status.Errorf(codes.InvalidArgument, "instance: %d bytes, want at most %d", len(st.GetInstance()), maxInstance)
	}
	return nil
}

// pacer lets a burst through and then so many a second.
type pacer struct {
	left float64
	at   time.Time
}

func (p *pacer) wait(ctx context.Context) error {
	now := time.Now()
	p.left = min(statusBurst, p.left+now.Sub(p.at).Seconds()/statusEvery.Seconds()) - 1
	p.at = now
	if p.left > 0 {
		return nil
	}
	timer := time.NewTimer(statusEvery)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *watcher) saw(ctx context.Context, st *safelightv1.AgentStatus) {
	w.compare(ctx, st.GetAuditCheckpoint())
	w.noticeCopies(ctx)
	w.service.fleet.Status(w.school, w.device, st, w.service.now())
	w.again = w.again || w.policy.behind(st, w.service.now())
	for _, r := range st.GetResults() {
		if r.GetStatus() == safelightv1.DirectiveResult_STATUS_FAILED && w.noticed < maxNoticed {
			w.noticed++
			w.service.log.Warn("a device could not do what it was told", "device", w.device, "directive", r.GetId(), "detail", clip(r.GetDetail(), maxDetail))
		}
	}
}

func clip(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }

// sendPolicy sends the policy in force once per stream and version, and again to
// a device that does not come to have it.
func (w *watcher) sendPolicy() error {
	signed := w.service.policies.Signed()
	if signed == nil {
		return nil
	}
	epoch, serial, err := versionOf(signed)
	if err != nil {
		return status.Error(codes.Internal, "the policy in force cannot be read")
	}
	if w.policy.is(epoch, serial) && !w.again {
		return nil
	}
	w.again = false
	w.policy.send(epoch, serial, w.service.now())
	return w.send(&safelightv1.Directive{Kind: &safelightv1.Directive_Policy{Policy: signed}})
}

func (w *watcher) send(d *safelightv1.Directive) error {
	w.lastID++
	d.Id = w.lastID
	d.ServerTime = timestamppb.New(w.service.now())
	return w.stream.Send(d)
}
