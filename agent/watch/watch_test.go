package watch_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"safelight/internal/logging"
	safelightv1 "safelight/proto/safelight/v1"
)

func TestAPolicyPublishedWhileConnectedArrivesWithoutReconnecting(t *testing.T) {
	r, l := newRooms(), &line{t: t}
	svc := r.service()
	l.serve(joined{Service: svc})
	a := newAgent(t, l, nil)
	if hello := await(t, r.statuses, "hello").GetHello(); hello.GetProtocol() == 0 || len(hello.GetCapabilities()) == 0 {
		t.Errorf("hello %v", hello)
	}
	await(t, a.trust, "trust")
	for serial := uint64(1); serial <= 3; serial++ {
		await(t, r.statuses, "the last directive's result") // from here on nothing but the change wakes the stream
		r.publish(serial)
		svc.PolicyChanged()
		svc.PolicyChanged() // once more, for nothing
		signed := await(t, a.policies, "a policy")
		if want := r.Signed().GetKeyId(); signed.GetKeyId() != want {
			t.Errorf("got the policy signed by %q, want %q", signed.GetKeyId(), want)
		}
	}
	if !a.Connected() {
		t.Error("it says it is not connected")
	}
	select {
	case <-r.gone:
		t.Error("the stream was opened anew")
	default:
	}
	a.stop()
	if device := await(t, r.gone, "the end of the stream"); device != "laptop" {
		t.Errorf("%q is gone", device)
	}
	if a.Connected() {
		t.Error("it says it is still connected")
	}
}

func TestTheResultOfADirectiveComesBackWithTheHeartbeat(t *testing.T) {
	r, l := newRooms(), &line{t: t}
	r.publish(1)
	l.serve(joined{Service: r.service()})
	// Half a character at the limit: a message with one could not be sent.
	long := strings.Repeat("x", 999) + strings.Repeat("é", 500)
	newAgent(t, l, func(context.Context, agentFetch) error { return errors.New(long) })
	await(t, r.statuses, "hello")
	if res := await(t, r.statuses, "the trust's result").GetResults()[0]; res.GetStatus() != safelightv1.DirectiveResult_STATUS_DONE {
		t.Errorf("trust: %v", res)
	}
	res := await(t, r.statuses, "the policy's result").GetResults()[0]
	if res.GetStatus() != safelightv1.DirectiveResult_STATUS_FAILED || res.GetDetail() != long[:999] {
		t.Errorf("policy: %v with %d bytes", res.GetStatus(), len(res.GetDetail()))
	}
}

// What a device says of a failed directive goes to two logs, its own and the
// collector's.
func TestG11AFailedDirectiveIsLoggedWithoutWordsOfTheSchools(t *testing.T) {
	r, l := newRooms(), &line{t: t}
	r.publish(1)
	l.serve(joined{Service: r.service()})
	a := newAgent(t, l, func(context.Context, agentFetch) error {
		return fmt.Errorf("applying: %w", logging.Quiet(errors.New(`site "Invented House"`), "rules wrong at a.yaml:3"))
	})
	await(t, r.statuses, "hello")
	await(t, r.statuses, "the trust's result")
	res := await(t, r.statuses, "the policy's result").GetResults()[0]
	if res.GetDetail() != "rules wrong at a.yaml:3" {
		t.Errorf("the collector is told %q", res.GetDetail())
	}
	a.stop()
	if logged := a.logged.String(); strings.Contains(logged, "Invented") || !strings.Contains(logged, "a.yaml:3") {
		t.Errorf("logged %s", logged)
	}
}

func TestACollectorThatRestartsIsFoundAgain(t *testing.T) {
	r, l := newRooms(), &line{t: t}
	r.publish(1)
	l.serve(joined{Service: r.service()})
	a := newAgent(t, l, nil)
	await(t, a.policies, "the first policy")
	l.cut()
	await(t, r.gone, "the end of the stream")
	r.publish(2)
	l.serve(joined{Service: r.service()})
	for {
		if await(t, a.policies, "the policy after the restart").GetKeyId() == "key of 2" {
			return
		}
	}
}

func TestItStopsWithinASecondWhateverItDoes(t *testing.T) {
	t.Run("connected", func(t *testing.T) {
		r, l := newRooms(), &line{t: t}
		l.serve(joined{Service: r.service()})
		a := newAgent(t, l, nil)
		await(t, a.trust, "trust")
		stopsSoon(t, a)
	})
	t.Run("applying a policy", func(t *testing.T) {
		r, l := newRooms(), &line{t: t}
		r.publish(1)
		l.serve(joined{Service: r.service()})
		a := newAgent(t, l, func(ctx context.Context, _ agentFetch) error { <-ctx.Done(); return ctx.Err() })
		await(t, a.policies, "a policy")
		stopsSoon(t, a)
	})
	t.Run("without a collector", func(t *testing.T) {
		stopsSoon(t, newAgent(t, &line{t: t}, nil))
	})
	t.Run("asked to pause", func(t *testing.T) {
		f, l := newFake(), &line{t: t}
		l.serve(f)
		a := newAgent(t, l, nil)
		f.say <- &safelightv1.Directive{Id: 9, Kind: &safelightv1.Directive_BackOff{BackOff: &safelightv1.BackOff{}}}
		await(t, f.ended, "the end of the stream")
		stopsSoon(t, a)
	})
}

func stopsSoon(t testing.TB, a *agent) {
	t.Helper()
	if took := a.stop(); took > time.Second {
		t.Errorf("stopping took %s", took)
	}
}

// fake is a collector of another version: it says what a test tells it to.
type fake struct {
	safelightv1.UnimplementedAgentServiceServer
	hello *safelightv1.Hello
	say   chan *safelightv1.Directive
	heard chan *safelightv1.AgentStatus
	ended chan struct{}
	fetch func(*safelightv1.FetchBlobRequest, safelightv1.AgentService_FetchBlobServer) error
}

func newFake() *fake {
	return &fake{
		hello: &safelightv1.Hello{Protocol: 1}, say: make(chan *safelightv1.Directive, 10),
		heard: make(chan *safelightv1.AgentStatus, 100), ended: make(chan struct{}, 100),
	}
}

func (f *fake) Watch(stream safelightv1.AgentService_WatchServer) error {
	defer func() { f.ended <- struct{}{} }()
	if err := stream.Send(&safelightv1.Directive{Id: 1, Hello: f.hello}); err != nil {
		return err
	}
	left := make(chan error, 1)
	go func() {
		for {
			st, err := stream.Recv()
			if err != nil {
				left <- err
				return
			}
			f.heard <- st
		}
	}()
	for {
		select {
		case d := <-f.say:
			if err := stream.Send(d); err != nil {
				return err
			}
		case err := <-left:
			return err
		}
	}
}

func (f *fake) FetchBlob(req *safelightv1.FetchBlobRequest, stream safelightv1.AgentService_FetchBlobServer) error {
	return f.fetch(req, stream)
}

func TestDirectivesOfAnUnknownKindAreAnsweredUnsupported(t *testing.T) {
	f, l := newFake(), &line{t: t}
	l.serve(f)
	newAgent(t, l, nil)
	await(t, f.heard, "hello")
	future := &safelightv1.Directive{Id: 12}
	future.ProtoReflect().SetUnknown([]byte{0xa2, 0x06, 0x01, 'x'}) // field 100, of a later protocol
	for _, d := range []*safelightv1.Directive{
		{Id: 10, Kind: &safelightv1.Directive_Command{Command: &safelightv1.Command{Name: "reboot"}}},
		{Id: 11, Kind: &safelightv1.Directive_Overlay{Overlay: &safelightv1.Overlay{}}},
		future,
		{Id: 13, Kind: &safelightv1.Directive_ResendFrom{ResendFrom: &safelightv1.ResendFrom{}}},
	} {
		f.say <- d
		res := await(t, f.heard, "a result").GetResults()[0]
		if res.GetId() != d.GetId() || res.GetStatus() != safelightv1.DirectiveResult_STATUS_UNSUPPORTED {
			t.Errorf("directive %d: %v", d.GetId(), res)
		}
	}
}

func TestACollectorThatDoesNotSayHelloIsNotObeyed(t *testing.T) {
	f, l := newFake(), &line{t: t}
	f.hello = nil
	f.say <- &safelightv1.Directive{Id: 2, Kind: &safelightv1.Directive_Trust{Trust: &safelightv1.TrustBundle{}}}
	l.serve(f)
	a := newAgent(t, l, nil)
	await(t, f.ended, "the end of the first stream")
	await(t, f.ended, "the end of the second stream") // it tries again
	select {
	case <-a.trust:
		t.Error("it obeyed")
	default:
	}
	if a.Connected() {
		t.Error("it says it is connected")
	}
}

// A file of the policy whose stream breaks is taken up where it broke.
func TestAFetchResumesWhereItBroke(t *testing.T) {
	r, f, l := newRooms(), newFake(), &line{t: t}
	data := bytes.Repeat([]byte("0123456789abcdef"), 100_000) // several pieces
	sum := sha256.Sum256(data)
	r.blobs[sum] = data
	svc := r.service()
	var offsets []uint64
	f.fetch = func(req *safelightv1.FetchBlobRequest, stream safelightv1.AgentService_FetchBlobServer) error {
		offsets = append(offsets, req.GetOffset())
		if len(offsets) < 4 {
			return svc.FetchBlob(req, &breaking{stream, 2})
		}
		return svc.FetchBlob(req, stream)
	}
	l.serve(f)
	got := make(chan []byte, 1)
	newAgent(t, l, func(ctx context.Context, fetch agentFetch) error {
		var b bytes.Buffer
		err := fetch(ctx, sum[:], 0, &b)
		got <- b.Bytes()
		return err
	})
	f.say <- &safelightv1.Directive{Id: 2, Kind: &safelightv1.Directive_Policy{Policy: &safelightv1.SignedManifest{}}}
	if b := await(t, got, "the file"); !bytes.Equal(b, data) {
		t.Errorf("%d bytes came, want %d", len(b), len(data))
	}
	if len(offsets) != 4 || offsets[0] != 0 || offsets[1] == 0 || offsets[2] <= offsets[1] || offsets[3] <= offsets[2] {
		t.Errorf("it asked from %v on", offsets)
	}
}

// breaking breaks a stream after so many pieces.
type breaking struct {
	safelightv1.AgentService_FetchBlobServer
	left int
}

func (b *breaking) Send(c *safelightv1.Chunk) error {
	if b.left == 0 {
		return status.Error(codes.Unavailable, "the line went dead")
	}
	b.left--
	return b.AgentService_FetchBlobServer.Send(c)
}

func TestAFetchThatCannotGoOnFails(t *testing.T) {
	for name, answer := range map[string]func(safelightv1.AgentService_FetchBlobServer) error{
		"pieces that do not follow": func(s safelightv1.AgentService_FetchBlobServer) error {
			return s.Send(&safelightv1.Chunk{Offset: 5, Data: []byte("x")})
		},
		"nothing but breaks": func(safelightv1.AgentService_FetchBlobServer) error {
			return status.Error(codes.Unavailable, "the line went dead")
		},
		"no such file": func(safelightv1.AgentService_FetchBlobServer) error {
			return status.Error(codes.NotFound, "no such file")
		},
		"a file without end": func(s safelightv1.AgentService_FetchBlobServer) error {
			piece := make([]byte, 3<<20)
			for n := uint64(0); ; n++ {
				if err := s.Send(&safelightv1.Chunk{Offset: n * uint64(len(piece)), Data: piece}); err != nil {
					return err
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, l := newFake(), &line{t: t}
			f.fetch = func(_ *safelightv1.FetchBlobRequest, s safelightv1.AgentService_FetchBlobServer) error {
				return answer(s)
			}
			l.serve(f)
			newAgent(t, l, func(ctx context.Context, fetch agentFetch) error {
				return fetch(ctx, make([]byte, 32), 0, io.Discard)
			})
			await(t, f.heard, "hello")
			f.say <- &safelightv1.Directive{Id: 2, Kind: &safelightv1.Directive_Policy{Policy: &safelightv1.SignedManifest{}}}
			if res := await(t, f.heard, "the result").GetResults()[0]; res.GetStatus() != safelightv1.DirectiveResult_STATUS_FAILED {
				t.Errorf("got %v", res)
			}
		})
	}
}

// A large list over a weak line takes minutes: the device says that it is there
// all the while, and does what else it is told.
func TestASlowFetchDoesNotSilenceTheDevice(t *testing.T) {
	f, l := newFake(), &line{t: t}
	l.serve(f)
	fetched := make(chan struct{})
	applied := make(chan struct{}, 2)
	a := newAgent(t, l, func(ctx context.Context, _ agentFetch) error {
		applied <- struct{}{}
		select {
		case <-fetched:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	await(t, f.heard, "hello")
	send := func(id uint64) {
		f.say <- &safelightv1.Directive{Id: id, Kind: &safelightv1.Directive_Policy{Policy: &safelightv1.SignedManifest{KeyId: fmt.Sprint(id)}}}
	}
	send(1)
	await(t, applied, "the first policy")
	for id := uint64(2); id <= 4; id++ {
		send(id) // each out of date when the next one comes
	}
	f.say <- &safelightv1.Directive{Id: 9, Kind: &safelightv1.Directive_Trust{Trust: &safelightv1.TrustBundle{}}}
	if res := await(t, f.heard, "the trust's result").GetResults()[0]; res.GetId() != 9 {
		t.Errorf("got the result of %d", res.GetId())
	}
	close(fetched)
	for _, want := range []uint64{1, 4} {
		if res := await(t, f.heard, "a policy's result").GetResults()[0]; res.GetId() != want || res.GetStatus() != safelightv1.DirectiveResult_STATUS_DONE {
			t.Errorf("got %v, want the result of %d", res, want)
		}
	}
	a.stop()
}
