package watch_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	agentwatch "safelight/agent/watch"
	"safelight/collector/model"
	"safelight/collector/watch"
	safelightv1 "safelight/proto/safelight/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var quiet = slog.New(slog.DiscardHandler)

// patience is how long a test waits for what must happen; it is no measure.
const patience = 20 * time.Second

// await takes the next from ch.
func await[T any](t testing.TB, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// rooms are what stands behind the collector's Watch service.
type rooms struct {
	mu     sync.Mutex // guards signed and blobs
	signed *safelightv1.SignedManifest
	blobs  map[[32]byte][]byte

	statuses chan *safelightv1.AgentStatus
	gone     chan string
}

func (r *rooms) Announced() []byte { return nil }

func (r *rooms) Held(context.Context, model.SchoolID, string, []byte) bool {
	panic("no checkpoint was sent")
}

func newRooms() *rooms {
	return &rooms{blobs: map[[32]byte][]byte{}, statuses: make(chan *safelightv1.AgentStatus, 100), gone: make(chan string, 100)}
}

func (r *rooms) Signed() *safelightv1.SignedManifest {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.signed
}

func (r *rooms) publish(serial uint64) {
	raw, err := proto.Marshal(&safelightv1.Manifest{School: "hill-lane", Epoch: 1, Serial: serial})
	if err != nil {
		panic(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.signed = &safelightv1.SignedManifest{Manifest: raw, KeyId: fmt.Sprint("key of ", serial)}
}

func (r *rooms) Blob(_ context.Context, _ model.SchoolID, sha [32]byte) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	data, ok := r.blobs[sha]
	if !ok {
		return nil, model.ErrNotFound
	}
	return data, nil
}

func (r *rooms) Status(_ model.SchoolID, _ string, st *safelightv1.AgentStatus, _ time.Time) {
	r.statuses <- st
}
func (r *rooms) Gone(_ model.SchoolID, device string) { r.gone <- device }
func (r *rooms) ResolveAccount(context.Context, model.SchoolID, string, time.Time) (*safelightv1.ResolveAccountResponse, error) {
	panic("not expected")
}

func (r *rooms) service() *watch.Service {
	return watch.New(watch.Parts{
		Policies: r, Blobs: r, Fleet: r, People: r, Audit: r, Now: time.Now, Log: quiet,
		DeviceFrom: func(context.Context) (string, model.SchoolID, bool) { return "laptop", "hill-lane", true },
		Trust:      func() *safelightv1.TrustBundle { return &safelightv1.TrustBundle{ServerNames: []string{"collector"}} },
	})
}

// joined joins the service and what ingest would answer.
type joined struct {
	safelightv1.UnimplementedAgentServiceServer
	*watch.Service
}

func (r joined) Watch(s safelightv1.AgentService_WatchServer) error { return r.Service.Watch(s) }
func (r joined) FetchBlob(q *safelightv1.FetchBlobRequest, s safelightv1.AgentService_FetchBlobServer) error {
	return r.Service.FetchBlob(q, s)
}

func (r joined) ResolveAccount(ctx context.Context, q *safelightv1.ResolveAccountRequest) (*safelightv1.ResolveAccountResponse, error) {
	return r.Service.ResolveAccount(ctx, q)
}

// line is the network between agent and collector: it can be cut and a new
// collector put at its end.
type line struct {
	t   testing.TB
	mu  sync.Mutex // guards end and stop
	end *bufconn.Listener
	srv *grpc.Server
}

func (l *line) serve(s safelightv1.AgentServiceServer) {
	l.t.Helper()
	srv, end := grpc.NewServer(), bufconn.Listen(1<<20)
	safelightv1.RegisterAgentServiceServer(srv, s)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(end) }()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end, l.srv = end, srv
	l.t.Cleanup(func() { srv.Stop(); <-done })
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.srv.Stop()
	l.end = nil
}

func (l *line) dial(ctx context.Context, _ string) (net.Conn, error) {
	l.mu.Lock()
	end := l.end
	l.mu.Unlock()
	if end == nil {
		return nil, errors.New("the line is cut")
	}
	return end.DialContext(ctx)
}

// agent is a Watcher on a line, with what it was told.
type agent struct {
	*agentwatch.Watcher
	line     *line
	policies chan *safelightv1.SignedManifest
	trust    chan *safelightv1.TrustBundle
	logged   *lockedBuilder

	// What Policy does beside telling; nil: nothing.
	policy func(ctx context.Context, fetch agentFetch) error
	stop   func() time.Duration
}

type agentFetch = agentwatch.Fetch

type lockedBuilder struct {
	mu sync.Mutex // guards b
	b  strings.Builder
}

func (l *lockedBuilder) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuilder) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newAgent(t testing.TB, l *line, policy func(context.Context, agentFetch) error) *agent {
	t.Helper()
	// The daemon's connection tries again just as soon.
	conn, err := grpc.NewClient("passthrough:///collector", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(l.dial), grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second}))
	must(t, err)
	a := &agent{
		line: l, policy: policy, policies: make(chan *safelightv1.SignedManifest, 100),
		trust: make(chan *safelightv1.TrustBundle, 100), logged: &lockedBuilder{},
	}
	a.Watcher = agentwatch.New(agentwatch.Parts{
		Up: func() {}, Pause: func(time.Duration) {},
		Client: safelightv1.NewAgentServiceClient(conn),
		Status: func() *safelightv1.AgentStatus { return &safelightv1.AgentStatus{Hostname: "laptop", PolicySerial: 7} },
		Policy: func(ctx context.Context, signed *safelightv1.SignedManifest, fetch agentFetch) error {
			a.policies <- signed
			if a.policy == nil {
				return nil
			}
			return a.policy(ctx, fetch)
		},
		Trust: func(b *safelightv1.TrustBundle) error { a.trust <- b; return nil },
		Log:   slog.New(slog.NewTextHandler(a.logged, nil)),
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	a.stop = sync.OnceValue(func() time.Duration {
		began := time.Now()
		cancel()
		must(t, await(t, done, "the end of Run"))
		took := time.Since(began)
		must(t, conn.Close())
		return took
	})
	t.Cleanup(func() { a.stop() })
	return a
}
