package ingest

import (
	"context"
	"encoding/binary"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"safelight/collector/model"
	"safelight/collector/store"
	"safelight/internal/event"
	safelightv1 "safelight/proto/safelight/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const school = model.SchoolID("hill-lane")

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// house is an ingest server on a real store, reached over real gRPC.
type house struct {
	t      testing.TB
	store  *store.Store
	server *Server
	conn   *grpc.ClientConn
	stop   func()

	mu    sync.Mutex
	woken []event.Severity
}

// agentService is the room's own service: the other calls are not its.
type agentService struct {
	safelightv1.UnimplementedAgentServiceServer
	*Server
}

func (a agentService) Ship(stream safelightv1.AgentService_ShipServer) error {
	return a.Server.Ship(stream)
}

// deviceHeader stands in for the certificate that enrolment's interceptor reads.
const deviceHeader = "test-device"

func deviceFrom(ctx context.Context) (string, model.SchoolID, bool) {
	md, _ := metadata.FromIncomingContext(ctx)
	if names := md.Get(deviceHeader); len(names) == 1 {
		return names[0], school, true
	}
	return "", "", false
}

// openHouse builds a house. wrap may put something between ingest and the store.
func openHouse(t testing.TB, wrap func(Store) Store) *house {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "safelight.db"))
	must(t, err)
	must(t, db.EnsureSchool(t.Context(), model.School{ID: school, Name: "Hill Lane", Trial: true, Created: noon}))
	h := &house{t: t, store: db}
	var to Store = db
	if wrap != nil {
		to = wrap(db)
	}
	h.server, err = New(Options{
		Store: to, DeviceFrom: deviceFrom, Now: func() time.Time { return noon }, Logger: slog.New(slog.DiscardHandler), Version: "test",
		Wake: func(_ model.SchoolID, highest event.Severity) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.woken = append(h.woken, highest)
		},
	})
	must(t, err)
	listener := bufconn.Listen(1 << 20)
	g := grpc.NewServer()
	safelightv1.RegisterAgentServiceServer(g, agentService{Server: h.server})
	var parts sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	parts.Go(func() { g.Serve(listener) })
	parts.Go(func() { h.server.Run(ctx) })
	h.conn, err = grpc.NewClient("passthrough:///ingest", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	must(t, err)
	h.stop = sync.OnceFunc(func() {
		cancel()
		h.conn.Close()
		g.Stop()
		parts.Wait()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(h.stop)
	return h
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// device opens a stream as a device.
func (h *house) device(name string) safelightv1.AgentService_ShipClient {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h.t.Cleanup(cancel)
	return h.shipAs(ctx, name)
}

// shipAs opens a stream as a device, until ctx ends.
func (h *house) shipAs(ctx context.Context, name string) safelightv1.AgentService_ShipClient {
	h.t.Helper()
	if name != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, deviceHeader, name)
	}
	stream, err := safelightv1.NewAgentServiceClient(h.conn).Ship(ctx)
	must(h.t, err)
	return stream
}

// deliver sends one batch and reads its answer.
func (h *house) deliver(stream safelightv1.AgentService_ShipClient, batch *safelightv1.EventBatch) *safelightv1.BatchAck {
	h.t.Helper()
	must(h.t, stream.Send(batch))
	ack, err := stream.Recv()
	must(h.t, err)
	return ack
}

func (h *house) stored() []model.Event {
	h.t.Helper()
	reader := model.User{School: school, Duty: model.DutyDSL}
	_, err := h.store.ImportRoster(h.t.Context(), school, "roster.csv", []model.Person{{Account: "pupil1", Name: "Invented One", Role: model.RolePupil}}, noon)
	must(h.t, err)
	events, err := h.store.EventsFor(h.t.Context(), school, reader, time.Time{})
	must(h.t, err)
	return events
}

// seenAt is a clock of the device's present boot, so long before sending.
func seenAt(ago time.Duration) *safelightv1.Clock {
	return &safelightv1.Clock{Wall: timestamppb.New(noon.Add(-ago)), BootId: "boot-1", MonotonicNs: int64(time.Hour - ago)}
}

func eventOf(n int) *safelightv1.Event {
	id := make([]byte, 16)
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return &safelightv1.Event{
		Id: id, Observed: seenAt(time.Second), Kind: safelightv1.Kind_KIND_DOMAIN, Name: "example.test",
		Via: safelightv1.Via_VIA_TLS, Also: []safelightv1.Via{safelightv1.Via_VIA_DNS}, Count: 1, Outcome: safelightv1.Outcome_OUTCOME_CONNECTED,
		Owner:  &safelightv1.Owner{Pid: 7, Process: "browser", Account: "pupil1"},
		Client: "10.0.0.2:40000", Server: "192.0.2.1:443",
		Verdict: &safelightv1.Verdict{
			Rule: "gambling-sites", Category: "gambling", Severity: safelightv1.Severity_SEVERITY_HIGH, Pack: "starter 1",
			Match: "example.test", Why: "a site on the list", NotSeen: []string{"page content"}, Role: "pupil",
		},
	}
}

func itemOf(t testing.TB, seq uint64, record *safelightv1.Record) *safelightv1.Item {
	t.Helper()
	data, err := proto.Marshal(record)
	must(t, err)
	return &safelightv1.Item{Lane: safelightv1.Severity_SEVERITY_HIGH, Seq: seq, Record: data}
}

func eventItem(t testing.TB, n int) *safelightv1.Item {
	return itemOf(t, uint64(n), &safelightv1.Record{Kind: &safelightv1.Record_Event{Event: eventOf(n)}})
}

func batchOf(items ...*safelightv1.Item) *safelightv1.EventBatch {
	return &safelightv1.EventBatch{
		Hello:  &safelightv1.Hello{Version: "test", Protocol: 1, Capabilities: []string{"events"}},
		Number: 1, SpoolEpoch: []byte("epoch-1"), Sent: seenAt(0), Items: items,
	}
}
