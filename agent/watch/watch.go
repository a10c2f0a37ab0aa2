// Package watch keeps the agent's long Watch stream to its collector: it sends
// the heartbeat and carries out what comes back (a new policy, new trust). It
// declares what it needs; only agent/daemon builds it.
package watch

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/status"

	"safelight/internal/logging"
	"safelight/internal/version"
	safelightv1 "safelight/proto/safelight/v1"
)

const (
	heartbeat = 30 * time.Second
	baseWait  = 500 * time.Millisecond
	maxWait   = time.Minute
	// A stream that lived this long was healthy: the next failure starts from
	// baseWait again.
	healthy = time.Minute
	// The longest pause a collector may ask for: one mistyped there must not
	// silence a school's devices until somebody visits each.
	maxPause = time.Hour
)

// Parts are what a Watcher is built of; all are needed.
type Parts struct {
	Client safelightv1.AgentServiceClient
	// Status fills everything but Hello and Results.
	Status func() *safelightv1.AgentStatus
	// Policy brings a manifest into force or says why not. A manifest that is
	// not newer is not an error.
	Policy func(ctx context.Context, signed *safelightv1.SignedManifest, fetch Fetch) error
	// Trust keeps a new trust bundle.
	Trust func(*safelightv1.TrustBundle) error
	// Checkpoint keeps a checkpoint of the collector's record.
	Checkpoint func(*safelightv1.Checkpoint) error
	// Overlay keeps what is added to the policy for a while. server is the
	// collector's time; zero: it did not say. nil: it cannot.
	Overlay func(ctx context.Context, o *safelightv1.Overlay, server time.Time) error
	// Resend sends records again from a number on; nil: it cannot.
	Resend func(lane uint8, from uint64) error
	// Heard takes in the collector's time, over a connection that was proven; nil:
	// nobody wants it.
	Heard func(time.Time)
	// Command carries out a command, or says that it knows none of that name; nil:
	// it knows none.
	Command func(ctx context.Context, c *safelightv1.Command) (known bool, err error)
	// Able are capabilities of Command's, announced beside the stream's own.
	Able []string
	// Up is called when a stream is open; others need then wait no longer.
	Up func()
	// Refused is called when the collector begins to refuse this device, for another
	// reason, and, with nil, when it takes it again; nil: nobody wants it. Known is the
	// refusal that lasted when the agent last ended; nil: none.
	Refused func(*Refusal)
	Known   *Refusal
	// Pause is called when the collector asks for quiet.
	Pause func(time.Duration)
	Log   *slog.Logger
}

// Fetch writes a file of the policy to `to`, from offset on.
type Fetch = func(ctx context.Context, sha256 []byte, offset int64, to io.Writer) error

// Watcher runs the stream.
type Watcher struct {
	parts     Parts
	connected atomic.Bool
	poke      chan struct{} // the next try may go through

	refused       atomic.Pointer[Refusal]
	refusedLogged time.Time // Run's alone
}

// New makes a watcher.
func New(p Parts) *Watcher {
	w := &Watcher{parts: p, poke: make(chan struct{}, 1)}
	w.refused.Store(p.Known)
	return w
}

// Connected says whether the collector answers now.
func (w *Watcher) Connected() bool { return w.connected.Load() }

// Retry ends a wait between two tries, unless the collector asked for it.
func (w *Watcher) Retry() {
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

// Run keeps a stream open until ctx ends; it then returns nil. Waits between
// tries grow and are drawn at random from nought to their bound, so that a
// school's devices do not come back all at once.
func (w *Watcher) Run(ctx context.Context) error {
	for tries := 0; ; tries++ {
		began := time.Now()
		wait, err := w.once(ctx)
		w.connected.Store(false)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > healthy {
			tries = 0
		}
		poke := w.poke
		if wait == 0 {
			wait = rand.N(min(maxWait, baseWait<<min(tries, 10)))
		} else {
			poke = nil
		}
		w.ended(ctx, err, wait)
		select {
		case <-time.After(wait):
		case <-poke:
		case <-ctx.Done():
			return nil
		}
	}
}

func text(err error) string {
	if err == nil {
		return "closed by the collector"
	}
	return status.Convert(err).Message()
}

// once runs one stream. A wait above nought is what the collector asked for.
func (w *Watcher) once(ctx context.Context) (wait time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	policies := w.startApplier(ctx)
	defer policies.running.Wait()
	defer cancel()
	stream, err := w.parts.Client.Watch(ctx)
	if err != nil {
		return 0, err
	}
	hello := w.parts.Status()
	hello.Hello = &safelightv1.Hello{Version: version.Version, Protocol: version.Protocol, Capabilities: w.capabilities()}
	if err := stream.Send(hello); err != nil {
		return 0, whyEnded(stream, err)
	}
	first, err := stream.Recv()
	if err != nil {
		return 0, err
	}
	if first.GetHello() == nil {
		return 0, errors.New("the collector did not say hello")
	}
	w.connected.Store(true)
	w.accepted()
	w.heard(first)
	w.parts.Up()
	directives := make(chan *safelightv1.Directive)
	failed := make(chan error, 1)
	go func() { failed <- receive(ctx, stream, directives) }()
	return w.serve(ctx, stream, policies, directives, failed)
}

// capabilities are what this agent can do; what it cannot it does not announce.
func (w *Watcher) capabilities() []string {
	all := []string{"policy", "trust", "renew", "split", "audit-checkpoint", "resend"}
	all = append(all, w.parts.Able...)
	if w.parts.Overlay != nil {
		all = append(all, "overlays")
	}
	return all
}

// whyEnded asks the stream why Send failed: gRPC answers io.EOF there.
func whyEnded(stream safelightv1.AgentService_WatchClient, err error) error {
	if !errors.Is(err, io.EOF) {
		return err
	}
	_, err = stream.Recv()
	return err
}

func receive(ctx context.Context, stream safelightv1.AgentService_WatchClient, out chan<- *safelightv1.Directive) error {
	for {
		d, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case out <- d:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *Watcher) serve(ctx context.Context, stream safelightv1.AgentService_WatchClient, policies *applier, directives <-chan *safelightv1.Directive, failed <-chan error) (time.Duration, error) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var results []*safelightv1.DirectiveResult
		select {
		case <-beat.C:
		case <-w.poke: // it is there already
			continue
		case d := <-directives:
			w.heard(d)
			if b := d.GetBackOff(); b != nil {
				w.parts.Pause(pause(b))
				return pause(b), errors.New("the collector asked for a pause")
			}
			if d.GetPolicy() != nil {
				policies.put(d)
				continue
			}
			results = append(results, w.obey(ctx, d))
		case res := <-policies.results:
			results = append(results, res)
		case err := <-failed:
			return 0, err
		}
		st := w.parts.Status()
		st.Results = results
		if err := stream.Send(st); err != nil {
			return 0, why(err, directives, failed)
		}
	}
}

func serverTime(d *safelightv1.Directive) time.Time {
	if at := d.GetServerTime(); at.IsValid() && at.GetSeconds() > 0 {
		return at.AsTime()
	}
	return time.Time{}
}

// heard passes on what time it is at the collector's.
func (w *Watcher) heard(d *safelightv1.Directive) {
	if at := d.GetServerTime(); w.parts.Heard != nil && at.IsValid() {
		w.parts.Heard(at.AsTime())
	}
}

// why is what the receiving goroutine learns of the end that Send met: it alone
// may call Recv. What it still hands over comes too late to be answered.
func why(err error, directives <-chan *safelightv1.Directive, failed <-chan error) error {
	if !errors.Is(err, io.EOF) {
		return err
	}
	for {
		select {
		case <-directives:
		case err := <-failed:
			return err
		}
	}
}

// pause bounds what a collector asks for. Nought means that the usual wait holds.
func pause(b *safelightv1.BackOff) time.Duration {
	return max(0, min(b.GetWait().AsDuration(), maxPause))
}

// obey carries a directive out and says how it went.
func (w *Watcher) obey(ctx context.Context, d *safelightv1.Directive) *safelightv1.DirectiveResult {
	res := &safelightv1.DirectiveResult{Id: d.GetId(), Status: safelightv1.DirectiveResult_STATUS_DONE}
	var err error
	switch kind := d.GetKind().(type) {
	case *safelightv1.Directive_Policy:
		err = w.parts.Policy(ctx, kind.Policy, w.fetch)
	case *safelightv1.Directive_Trust:
		err = w.parts.Trust(kind.Trust)
	case *safelightv1.Directive_Checkpoint:
		err = w.parts.Checkpoint(kind.Checkpoint)
	case *safelightv1.Directive_Overlay:
		if w.parts.Overlay == nil {
			res.Status = safelightv1.DirectiveResult_STATUS_UNSUPPORTED
			break
		}
		err = w.parts.Overlay(ctx, kind.Overlay, serverTime(d))
	case *safelightv1.Directive_ResendFrom:
		if w.parts.Resend == nil {
			res.Status = safelightv1.DirectiveResult_STATUS_UNSUPPORTED
			break
		}
		err = w.parts.Resend(uint8(min(max(kind.ResendFrom.GetLane(), 0), 255)), kind.ResendFrom.GetSeq())
	case *safelightv1.Directive_Command:
		known := false
		if w.parts.Command != nil {
			known, err = w.parts.Command(ctx, kind.Command)
		}
		if !known {
			res.Status = safelightv1.DirectiveResult_STATUS_UNSUPPORTED
		}
	default:
		res.Status = safelightv1.DirectiveResult_STATUS_UNSUPPORTED
	}
	if err != nil {
		w.parts.Log.WarnContext(ctx, "a directive failed", "directive", d.GetId(), "error", logging.Say(err))
		res.Status = safelightv1.DirectiveResult_STATUS_FAILED
		res.Detail = clip(logging.Say(err), 1000) // it goes to the collector's log
	}
	return res
}

// clip cuts at n bytes and leaves no half character: a message with one in it
// could not be sent, and the stream would break over it again and again.
func clip(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }
