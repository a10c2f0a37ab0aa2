package enrol_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"safelight/collector/enrol"
	"safelight/collector/model"
	"safelight/collector/store"
	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

func wantStatus(t testing.TB, err error, code codes.Code, parts ...string) {
	t.Helper()
	wantError(t, err, parts...)
	if status.Code(err) != code {
		t.Errorf("got %v, want %v", err, code)
	}
}

func isCode(err error, code codes.Code) bool { return status.Code(err) == code }

const school = model.SchoolID("hill-lane")

// clock is the collector's; tests move it on.
type clock struct {
	mu sync.Mutex // guards at
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// house is a collector's gate and enrolment over real TLS and the real store.
type house struct {
	t       testing.TB
	clock   *clock
	store   *store.Store
	auth    *enrol.Authority
	gate    *enrol.Gate
	service *enrol.Service
	addr    string
	opened  chan string // devices whose Watch stream has begun
	ended   chan error  // how a Watch handler's Recv ended
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, clock: &clock{at: time.Now()}, opened: make(chan string, 8), ended: make(chan error, 8)}
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "safelight.db"))
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.EnsureSchool(t.Context(), model.School{ID: school, Name: "Hill Lane", Trial: true, Created: h.clock.now()}))
	h.store = s
	h.auth = openAuthority(t, filepath.Join(t.TempDir(), "ca"), h.clock.now())
	h.gate = enrol.NewGate(school, h.auth, h.clock.now, quiet)
	h.serve()
	return h
}

var quiet = slog.New(slog.DiscardHandler)

func openAuthority(t testing.TB, dir string, now time.Time, names ...string) *enrol.Authority {
	t.Helper()
	a, err := enrol.OpenAuthority(dir, "Hill Lane", names, now)
	must(t, err)
	return a
}

var refusals = []error{store.ErrTokenUnknown, store.ErrTokenUsed, store.ErrTokenExpired, store.ErrTokenEnded, store.ErrKeyEnded, store.ErrTrialFull}

func (h *house) serve() {
	h.t.Helper()
	srv := grpc.NewServer(grpc.Creds(enrol.Credentials(h.gate.TLS(h.auth))),
		grpc.UnaryInterceptor(h.gate.Unary), grpc.StreamInterceptor(h.gate.Stream))
	pub, _, err := ed25519.GenerateKey(nil)
	must(h.t, err)
	keys := func() map[string]ed25519.PublicKey { return map[string]ed25519.PublicKey{"k2": pub, "k1": pub} }
	h.service = enrol.NewService(school, h.auth, h.store, refusals, keys, h.clock.now, quiet)
	safelightv1.RegisterEnrolmentServiceServer(srv, h.service)
	safelightv1.RegisterAgentServiceServer(srv, agents{h: h})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(h.t, err)
	h.addr = l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	h.t.Cleanup(func() {
		srv.Stop()
		if err := <-done; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			h.t.Error(err)
		}
	})
}

// agents stands in for the rooms behind the gate: it tells who came.
type agents struct {
	safelightv1.UnimplementedAgentServiceServer
	h *house
}

func (a agents) Watch(stream safelightv1.AgentService_WatchServer) error {
	device, _, _ := enrol.DeviceFrom(stream.Context())
	a.h.opened <- device
	if err := stream.Send(&safelightv1.Directive{Id: 1}); err != nil {
		return err
	}
	for {
		if _, err := stream.Recv(); err != nil {
			a.h.ended <- err
			return err
		}
	}
}

func (a agents) Ship(stream safelightv1.AgentService_ShipServer) error {
	_, err := stream.Recv()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (agents) FetchBlob(*safelightv1.FetchBlobRequest, safelightv1.AgentService_FetchBlobServer) error {
	return nil
}

func (agents) ResolveAccount(ctx context.Context, _ *safelightv1.ResolveAccountRequest) (*safelightv1.ResolveAccountResponse, error) {
	device, s, ok := enrol.DeviceFrom(ctx)
	if !ok {
		return nil, status.Error(codes.Internal, "no device behind the call")
	}
	return &safelightv1.ResolveAccountResponse{Pseudonym: device, School: string(s)}, nil
}

// token adds an enrolment token and returns its secret.
func (h *house) token(uses int, life time.Duration) string {
	h.t.Helper()
	secret := pki.NewSecret()
	must(h.t, h.store.AddToken(h.t.Context(), model.Token{
		School: school, ID: secret[:8], Hash: pki.HashSecret(secret), Uses: uses, Site: "annexe",
		Expires: h.clock.now().Add(life), Created: h.clock.now(),
	}))
	return secret
}

// device is what a laptop holds after enrolment.
type device struct {
	h    *house
	id   string
	key  crypto.Signer
	cert *tls.Certificate // nil: shows none
	conf *tls.Config
	hw   model.Hardware
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := pki.NewKey()
	must(t, err)
	return key
}

// stranger has a key and no certificate.
func (h *house) stranger() *device {
	h.t.Helper()
	d := &device{h: h, key: newKey(h.t)}
	d.conf = &tls.Config{
		MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, NextProtos: []string{"h2"}, // the collector's side is agent/enrol's to test
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if d.cert == nil {
				return &tls.Certificate{}, nil
			}
			return d.cert, nil
		},
	}
	return d
}

func (d *device) connect() *grpc.ClientConn {
	d.h.t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+d.h.addr, grpc.WithTransportCredentials(credentials.NewTLS(d.conf)))
	must(d.h.t, err)
	d.h.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func csr(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := pki.NewCSR(key)
	must(t, err)
	return der
}

func (d *device) enrol(secret string) (*safelightv1.EnrolResponse, error) {
	d.h.t.Helper()
	return safelightv1.NewEnrolmentServiceClient(d.connect()).Enrol(d.h.t.Context(), &safelightv1.EnrolRequest{
		TokenSecret: secret, CsrDer: csr(d.h.t, d.key), Device: &safelightv1.DeviceInfo{Hostname: "laptop", Os: "linux", Serial: d.hw.Serial, HardwareId: d.hw.ID},
	})
}

func (d *device) hold(ders [][]byte) {
	d.h.t.Helper()
	leaf, err := x509.ParseCertificate(ders[0])
	must(d.h.t, err)
	d.cert = &tls.Certificate{Certificate: ders, PrivateKey: d.key, Leaf: leaf}
}

// enrolled is a device of the school.
func (h *house) enrolled() *device {
	h.t.Helper()
	d := h.stranger()
	resp, err := d.enrol(h.token(1, time.Hour))
	must(h.t, err)
	d.id = resp.GetDeviceId()
	d.hold(resp.GetCertificatesDer())
	return d
}

func (d *device) resolve() (*safelightv1.ResolveAccountResponse, error) {
	d.h.t.Helper()
	return safelightv1.NewAgentServiceClient(d.connect()).ResolveAccount(d.h.t.Context(), &safelightv1.ResolveAccountRequest{Account: "pupil14"})
}

func (d *device) renew(key crypto.Signer) (*safelightv1.RenewResponse, error) {
	d.h.t.Helper()
	return safelightv1.NewEnrolmentServiceClient(d.connect()).Renew(d.h.t.Context(), &safelightv1.RenewRequest{CsrDer: csr(d.h.t, key)})
}

// watch opens a Watch stream and waits until the collector's side runs.
func (d *device) watch() safelightv1.AgentService_WatchClient {
	d.h.t.Helper()
	stream, err := safelightv1.NewAgentServiceClient(d.connect()).Watch(d.h.t.Context())
	must(d.h.t, err)
	_, err = stream.Recv()
	must(d.h.t, err)
	if got := <-d.h.opened; got != d.id {
		d.h.t.Errorf("the stream is taken for %q's, want %q", got, d.id)
	}
	return stream
}
