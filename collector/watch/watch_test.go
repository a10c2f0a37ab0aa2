package watch_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

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

// rooms are what stands behind the service; unset funcs panic.
type rooms struct {
	signed  func() *safelightv1.SignedManifest
	blob    func(school model.SchoolID, sha [32]byte) ([]byte, error)
	status  func(device string, st *safelightv1.AgentStatus)
	gone    func(device string)
	resolve func(account string) (*safelightv1.ResolveAccountResponse, error)

	announced func() []byte // unset: no checkpoint
	held      func(device string, note []byte) bool
}

func (r *rooms) Announced() []byte {
	if r.announced == nil {
		return nil
	}
	return r.announced()
}

func (r *rooms) Held(_ context.Context, _ model.SchoolID, device string, note []byte) bool {
	return r.held(device, note)
}

func (r *rooms) Signed() *safelightv1.SignedManifest { return r.signed() }

func (r *rooms) Blob(_ context.Context, school model.SchoolID, sha [32]byte) ([]byte, error) {
	return r.blob(school, sha)
}

func (r *rooms) Status(_ model.SchoolID, device string, st *safelightv1.AgentStatus, _ time.Time) {
	r.status(device, st)
}
func (r *rooms) Gone(_ model.SchoolID, device string) { r.gone(device) }
func (r *rooms) ResolveAccount(_ context.Context, _ model.SchoolID, account string, _ time.Time) (*safelightv1.ResolveAccountResponse, error) {
	return r.resolve(account)
}

type server struct {
	safelightv1.UnimplementedAgentServiceServer
	svc *watch.Service
}

func (s server) Watch(w safelightv1.AgentService_WatchServer) error { return s.svc.Watch(w) }
func (s server) FetchBlob(r *safelightv1.FetchBlobRequest, w safelightv1.AgentService_FetchBlobServer) error {
	return s.svc.FetchBlob(r, w)
}

func (s server) ResolveAccount(ctx context.Context, r *safelightv1.ResolveAccountRequest) (*safelightv1.ResolveAccountResponse, error) {
	return s.svc.ResolveAccount(ctx, r)
}

// serve runs the service; known says whether the gate found a device.
func serve(t testing.TB, r *rooms, known bool, log *slog.Logger) (safelightv1.AgentServiceClient, *watch.Service) {
	t.Helper()
	return serveAs(t, r, func() (string, bool) { return "laptop", known }, log)
}

// serveAs asks for each call which device it comes from.
func serveAs(t testing.TB, r *rooms, device func() (name string, known bool), log *slog.Logger) (safelightv1.AgentServiceClient, *watch.Service) {
	t.Helper()
	svc := watch.New(watch.Parts{
		Policies: r, Blobs: r, Fleet: r, People: r, Audit: r, Now: time.Now, Log: log,
		DeviceFrom: func(context.Context) (string, model.SchoolID, bool) {
			name, known := device()
			return name, "hill-lane", known
		},
		Trust: func() *safelightv1.TrustBundle { return &safelightv1.TrustBundle{ServerNames: []string{"collector"}} },
	})
	srv, end := grpc.NewServer(), bufconn.Listen(1<<20)
	safelightv1.RegisterAgentServiceServer(srv, server{svc: svc})
	done := make(chan error, 1)
	go func() { done <- srv.Serve(end) }()
	conn, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return end.DialContext(ctx) }))
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close()); srv.GracefulStop(); <-done })
	return safelightv1.NewAgentServiceClient(conn), svc
}

var quiet = slog.New(slog.DiscardHandler)

func wantStatus(t testing.TB, err error, code codes.Code, says string) {
	t.Helper()
	if status.Code(err) != code || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v, want %v saying %q", err, code, says)
	}
}

func TestAStreamWithoutHelloIsRefusedAndCountsForNoDevice(t *testing.T) {
	c, _ := serve(t, &rooms{}, true, quiet) // every room would panic
	stream, err := c.Watch(t.Context())
	must(t, err)
	must(t, stream.Send(&safelightv1.AgentStatus{Hostname: "laptop"}))
	_, err = stream.Recv()
	wantStatus(t, err, codes.InvalidArgument, "hello")
}

func TestNobodyWithoutADeviceIsAnswered(t *testing.T) {
	c, _ := serve(t, &rooms{}, false, quiet)
	stream, err := c.Watch(t.Context())
	must(t, err)
	_, err = stream.Recv()
	wantStatus(t, err, codes.Unauthenticated, "enrol first")
	fetch, err := c.FetchBlob(t.Context(), &safelightv1.FetchBlobRequest{Sha256: make([]byte, 32)})
	must(t, err)
	_, err = fetch.Recv()
	wantStatus(t, err, codes.Unauthenticated, "enrol first")
	_, err = c.ResolveAccount(t.Context(), &safelightv1.ResolveAccountRequest{Account: "x"})
	wantStatus(t, err, codes.Unauthenticated, "enrol first")
}

func version(t testing.TB, serial uint64) *safelightv1.SignedManifest {
	t.Helper()
	raw, err := proto.Marshal(&safelightv1.Manifest{Epoch: 1, Serial: serial})
	must(t, err)
	return &safelightv1.SignedManifest{Manifest: raw}
}

func TestEachVersionIsSentOnceAndDirectivesAreNumbered(t *testing.T) {
	var mu sync.Mutex
	signed := version(t, 1)
	gone := make(chan string, 1)
	r := &rooms{
		signed: func() *safelightv1.SignedManifest { mu.Lock(); defer mu.Unlock(); return signed },
		status: func(string, *safelightv1.AgentStatus) {}, gone: func(d string) { gone <- d },
	}
	c, svc := serve(t, r, true, quiet)
	stream, err := c.Watch(t.Context())
	must(t, err)
	must(t, stream.Send(&safelightv1.AgentStatus{Hello: &safelightv1.Hello{Protocol: 1}}))
	next := func() *safelightv1.Directive { d, err := stream.Recv(); must(t, err); return d }
	if d := next(); d.GetHello() == nil || d.GetServerTime() == nil || d.GetId() != 1 {
		t.Errorf("the first is %v", d)
	}
	if d := next(); d.GetTrust() == nil || d.GetId() != 2 {
		t.Errorf("the second is %v", d)
	}
	if d := next(); !proto.Equal(d.GetPolicy(), version(t, 1)) || d.GetId() != 3 {
		t.Errorf("the third is %v", d)
	}
	for range 5 {
		svc.PolicyChanged()
		must(t, stream.Send(&safelightv1.AgentStatus{}))
	}
	mu.Lock()
	signed = version(t, 2)
	mu.Unlock()
	svc.PolicyChanged()
	if d := next(); !proto.Equal(d.GetPolicy(), version(t, 2)) || d.GetId() != 4 {
		t.Errorf("the fourth is %v", d)
	}
	must(t, stream.CloseSend())
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("leaving: %v", err)
	}
	if d := <-gone; d != "laptop" {
		t.Errorf("%q is gone", d)
	}
}

func TestHeartbeatsReachTheFleetAndWhatADeviceSaysIsCutInTheLog(t *testing.T) {
	heard := make(chan *safelightv1.AgentStatus, 4)
	r := &rooms{
		signed: func() *safelightv1.SignedManifest { return nil },
		status: func(_ string, st *safelightv1.AgentStatus) { heard <- st }, gone: func(string) {},
	}
	var mu sync.Mutex
	var logged strings.Builder
	log := slog.New(slog.NewTextHandler(writer(func(p []byte) (int, error) { mu.Lock(); defer mu.Unlock(); return logged.Write(p) }), nil))
	c, _ := serve(t, r, true, log)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := c.Watch(ctx)
	must(t, err)
	must(t, stream.Send(&safelightv1.AgentStatus{Hello: &safelightv1.Hello{}, Results: []*safelightv1.DirectiveResult{
		{Id: 3, Status: safelightv1.DirectiveResult_STATUS_FAILED, Detail: strings.Repeat("y", 100_000)},
	}}))
	must(t, stream.Send(&safelightv1.AgentStatus{PolicySerial: 4}))
	<-heard
	if st := <-heard; st.GetPolicySerial() != 4 {
		t.Errorf("heard %v", st)
	}
	mu.Lock()
	defer mu.Unlock()
	if n := strings.Count(logged.String(), "y"); n < 1000 || n > 1100 {
		t.Errorf("%d characters of it are logged", n)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func fetch(t testing.TB, c safelightv1.AgentServiceClient, sum []byte, offset uint64) ([]byte, error) {
	t.Helper()
	stream, err := c.FetchBlob(t.Context(), &safelightv1.FetchBlobRequest{Sha256: sum, Offset: offset})
	must(t, err)
	var data []byte
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return data, nil
		}
		if err != nil {
			return data, err
		}
		if chunk.GetOffset() != offset+uint64(len(data)) {
			t.Errorf("a piece at %d after %d bytes from %d", chunk.GetOffset(), len(data), offset)
		}
		data = append(data, chunk.GetData()...)
	}
}

func TestAFileIsFetchedFromAnyOffset(t *testing.T) {
	big, empty := bytes.Repeat([]byte("0123456789"), 70_000), []byte{}
	files := map[[32]byte][]byte{sha256.Sum256(big): big, sha256.Sum256(empty): empty}
	r := &rooms{blob: func(school model.SchoolID, sha [32]byte) ([]byte, error) {
		data, ok := files[sha]
		if !ok || school != "hill-lane" {
			return nil, model.ErrNotFound
		}
		return data, nil
	}}
	c, _ := serve(t, r, true, quiet)
	sum := sha256.Sum256(big)
	for _, offset := range []uint64{0, 1, 256 << 10, uint64(len(big)) - 1, uint64(len(big))} {
		got, err := fetch(t, c, sum[:], offset)
		must(t, err)
		if !bytes.Equal(got, big[offset:]) {
			t.Errorf("from %d: %d bytes, want %d", offset, len(got), len(big)-int(offset))
		}
	}
	none := sha256.Sum256(empty)
	got, err := fetch(t, c, none[:], 0)
	must(t, err)
	if len(got) != 0 {
		t.Errorf("an empty file has %d bytes", len(got))
	}
	_, err = fetch(t, c, sum[:], uint64(len(big))+1)
	wantStatus(t, err, codes.OutOfRange, "offset")
	_, err = fetch(t, c, sum[:], 1<<63)
	wantStatus(t, err, codes.OutOfRange, "offset")
	_, err = fetch(t, c, sum[:31], 0)
	wantStatus(t, err, codes.InvalidArgument, "31 bytes, want 32")
	_, err = fetch(t, c, nil, 0)
	wantStatus(t, err, codes.InvalidArgument, "sha256")
	_, err = fetch(t, c, make([]byte, 32), 0)
	wantStatus(t, err, codes.NotFound, "no such file")
}

func TestAnAccountIsLookedUpWithinLimitsAndTroubleStaysHere(t *testing.T) {
	r := &rooms{resolve: func(account string) (*safelightv1.ResolveAccountResponse, error) {
		if account == "broken" {
			return nil, errors.New("disk I/O error at line 7 for broken")
		}
		return &safelightv1.ResolveAccountResponse{Known: true, Pseudonym: "p1"}, nil
	}}
	c, _ := serve(t, r, true, quiet)
	got, err := c.ResolveAccount(t.Context(), &safelightv1.ResolveAccountRequest{Account: "pupil14"})
	must(t, err)
	if got.GetPseudonym() != "p1" {
		t.Errorf("got %v", got)
	}
	for _, account := range []string{"", strings.Repeat("x", 256)} {
		_, err := c.ResolveAccount(t.Context(), &safelightv1.ResolveAccountRequest{Account: account})
		wantStatus(t, err, codes.InvalidArgument, "account")
	}
	_, err = c.ResolveAccount(t.Context(), &safelightv1.ResolveAccountRequest{Account: "broken"})
	wantStatus(t, err, codes.Unavailable, "try again")
	if strings.Contains(err.Error(), "disk") {
		t.Error("a device is told what ails the store")
	}
}
