package enrol_test

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"safelight/agent/enrol"
	gate "safelight/collector/enrol"
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

const school = model.SchoolID("hill-lane")

// collector is the real gate over the real store, on loopback.
type collector struct {
	t     testing.TB
	dir   string
	store *store.Store
	auth  *gate.Authority
	addr  string
	// ahead is how far the collector's clock, the true one, is on.
	ahead atomic.Int64
	// answer, where set, changes what Enrol answers.
	answer func(*safelightv1.EnrolResponse)
}

type whoami struct {
	safelightv1.UnimplementedAgentServiceServer
}

func (whoami) ResolveAccount(ctx context.Context, _ *safelightv1.ResolveAccountRequest) (*safelightv1.ResolveAccountResponse, error) {
	device, _, _ := gate.DeviceFrom(ctx)
	return &safelightv1.ResolveAccountResponse{Pseudonym: device}, nil
}

func (c *collector) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func newCollector(t testing.TB) *collector {
	t.Helper()
	c := &collector{t: t, dir: filepath.Join(t.TempDir(), "ca")}
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "safelight.db"))
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.EnsureSchool(t.Context(), model.School{ID: school, Name: "Hill Lane", Trial: true, Created: time.Now()}))
	c.store = s
	c.auth, err = gate.OpenAuthority(c.dir, "Hill Lane", nil, time.Now())
	must(t, err)
	quiet := slog.New(slog.DiscardHandler)
	g := gate.NewGate(school, c.auth, c.now, quiet)
	srv := grpc.NewServer(grpc.Creds(gate.Credentials(g.TLS(c.auth))),
		grpc.ChainUnaryInterceptor(g.Unary, c.change), grpc.StreamInterceptor(g.Stream))
	pub, _, err := ed25519.GenerateKey(nil)
	must(t, err)
	keys := func() map[string]ed25519.PublicKey { return map[string]ed25519.PublicKey{"k": pub} }
	refusals := []error{store.ErrTokenUnknown, store.ErrTokenUsed, store.ErrTokenExpired, store.ErrTrialFull}
	safelightv1.RegisterEnrolmentServiceServer(srv, gate.NewService(school, c.auth, s, refusals, keys, c.now, quiet))
	safelightv1.RegisterAgentServiceServer(srv, whoami{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	c.addr = l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Stop()
		if err := <-done; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
	return c
}

func (c *collector) change(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	resp, err := next(ctx, req)
	if r, ok := resp.(*safelightv1.EnrolResponse); ok && err == nil && c.answer != nil {
		c.answer(r)
	}
	return resp, err
}

// token is a line as `token create` prints it, good for uses.
func (c *collector) token(uses int, with ...func(*pki.Token)) string {
	c.t.Helper()
	tok := pki.Token{
		Addresses: []string{c.addr}, Fingerprint: pki.Fingerprint(c.auth.Root()), ServerName: gate.ServerName,
		Secret: pki.NewSecret(), Expires: time.Now().Add(time.Hour).Unix(),
	}
	must(c.t, c.store.AddToken(c.t.Context(), model.Token{
		School: school, ID: tok.Secret[:8], Hash: pki.HashSecret(tok.Secret), Uses: uses, Expires: tok.ExpiresAt(), Created: time.Now(),
	}))
	for _, w := range with {
		w(&tok)
	}
	line, err := tok.Encode()
	must(c.t, err)
	return line
}

func enrolAt(t testing.TB, dir, token, collector string) (*enrol.Identity, error) {
	t.Helper()
	return enrol.Enrol(t.Context(), enrol.Request{Dir: dir, Token: token, Collector: collector, Version: "test", Now: time.Now})
}

// calls makes a call as the device and returns who the collector takes it for.
func calls(t testing.TB, id *enrol.Identity, addr string) (string, error) {
	t.Helper()
	conf, err := id.TLS(time.Now)
	must(t, err)
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(credentials.NewTLS(conf)))
	must(t, err)
	defer conn.Close()
	resp, err := safelightv1.NewAgentServiceClient(conn).ResolveAccount(t.Context(), &safelightv1.ResolveAccountRequest{Account: "x"})
	return resp.GetPseudonym(), err
}

func TestAnEnrolledDeviceCallsAsItselfAlsoAfterARestart(t *testing.T) {
	c, dir := newCollector(t), t.TempDir()
	id, err := enrolAt(t, dir, c.token(1), "")
	must(t, err)
	again, err := enrol.Load(dir)
	must(t, err)
	for _, i := range []*enrol.Identity{id, again} {
		who, err := calls(t, i, c.addr)
		must(t, err)
		if who != id.DeviceID || i.School != string(school) || i.Addresses[0] != c.addr || i.Expires().Before(time.Now()) || len(i.PolicyKeys()) != 1 {
			t.Errorf("it is %+v, the collector says %q", i, who)
		}
	}
}

func TestWhatAnEnrolmentKeepsIsTheOwnersAlone(t *testing.T) {
	c, dir := newCollector(t), t.TempDir()
	_, err := enrolAt(t, dir, c.token(1), "")
	must(t, err)
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) != 4 {
		t.Errorf("it kept %v", entries)
	}
	for _, e := range entries {
		info, err := e.Info()
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o", e.Name(), info.Mode().Perm())
		}
	}
}

func TestACollectorWithAnotherRootIsRefusedAndALaterEnrolmentWorks(t *testing.T) {
	mine, thief, dir := newCollector(t), newCollector(t), t.TempDir()
	token := mine.token(1)
	_, err := enrolAt(t, dir, token, thief.addr)
	wantError(t, err, thief.addr, "could not prove that it made this token", "not the collector that made the token")
	if strings.Contains(err.Error(), "rpc error") || strings.Contains(err.Error(), "desc =") {
		t.Errorf("the error speaks gRPC: %v", err)
	}
	if _, err := enrol.Load(dir); !errors.Is(err, enrol.ErrNotEnrolled) {
		t.Errorf("after the refusal: %v", err)
	}
	devices, err := thief.store.Devices(t.Context(), school)
	must(t, err)
	if len(devices) != 0 {
		t.Error("the thief was told the token's secret")
	}
	_, err = enrolAt(t, dir, token, "")
	must(t, err)
}

// The right root, but a certificate made for another name.
func TestACollectorOfAnotherNameIsRefused(t *testing.T) {
	c := newCollector(t)
	_, err := enrolAt(t, t.TempDir(), c.token(1, func(tok *pki.Token) { tok.ServerName = "other.test" }), "")
	wantError(t, err, "could not prove", "other.test")
}

func TestEnrollingTwiceIsRefusedAndChangesNothing(t *testing.T) {
	c, dir := newCollector(t), t.TempDir()
	first, err := enrolAt(t, dir, c.token(1), "")
	must(t, err)
	_, err = enrolAt(t, dir, c.token(1), "")
	wantError(t, err, "enrolled already", "identity.json")
	again, err := enrol.Load(dir)
	must(t, err)
	if again.DeviceID != first.DeviceID {
		t.Error("the identity changed")
	}
}

func TestARefusalIsPassedOnAsItIs(t *testing.T) {
	c, dir := newCollector(t), t.TempDir()
	token := c.token(1)
	_, err := enrolAt(t, t.TempDir(), token, "")
	must(t, err)
	_, err = enrolAt(t, dir, token, "")
	wantError(t, err, c.addr, "refused", "used as often as it may be", "ask for a new one")
	_, err = enrolAt(t, dir, c.token(1), "") // with the key that the first try left
	must(t, err)
}

func TestAddressesThatAreNoneAreNamed(t *testing.T) {
	c := newCollector(t)
	for addr, says := range map[string]string{
		"collector.test": "want host:port", ":7443": "want host:port", "collector.test:": "want host:port",
		"https://collector.test:7443": "want host:port", "[::1": "want host:port",
	} {
		_, err := enrolAt(t, t.TempDir(), c.token(1), addr)
		wantError(t, err, addr, says)
	}
	none := c.token(1, func(tok *pki.Token) { tok.Addresses = nil })
	_, err := enrolAt(t, t.TempDir(), none, "")
	wantError(t, err, "--collector host:port")
	_, err = enrolAt(t, t.TempDir(), none, c.addr)
	must(t, err)
	_, err = enrolAt(t, t.TempDir(), "hello", c.addr)
	wantError(t, err, "token create")
}

func TestTheSecondAddressIsTriedWhereTheFirstIsSilent(t *testing.T) {
	c, dir := newCollector(t), t.TempDir()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	closed := silent.Addr().String()
	must(t, silent.Close())
	id, err := enrolAt(t, dir, c.token(1, func(tok *pki.Token) { tok.Addresses = []string{closed, c.addr} }), "")
	must(t, err)
	if len(id.Addresses) != 2 {
		t.Errorf("kept %v", id.Addresses)
	}
	_, err = enrolAt(t, t.TempDir(), c.token(1), closed)
	wantError(t, err, closed, "no answer", "firewall")
}

// An answer that a later start could not work with must not be kept.
func TestAnUnusableAnswerIsNotKept(t *testing.T) {
	other := newCollector(t)
	for name, c := range map[string]struct {
		change func(*safelightv1.EnrolResponse)
		says   string
	}{
		"no certificate":          {func(r *safelightv1.EnrolResponse) { r.CertificatesDer = nil }, "lacks the certificate"},
		"a broken certificate":    {func(r *safelightv1.EnrolResponse) { r.CertificatesDer[0] = []byte("x") }, "parsing certificate 1"},
		"another's certificate":   {func(r *safelightv1.EnrolResponse) { r.CertificatesDer[0] = r.CertificatesDer[1] }, "for another key"},
		"no device id":            {func(r *safelightv1.EnrolResponse) { r.DeviceId = "" }, "lacks"},
		"no trust":                {func(r *safelightv1.EnrolResponse) { r.Trust = nil }, "lacks the roots"},
		"no policy key":           {func(r *safelightv1.EnrolResponse) { r.Trust.PolicyKeys = nil }, "policy keys"},
		"half a policy key":       {func(r *safelightv1.EnrolResponse) { r.Trust.PolicyKeys[0].Ed25519Public = []byte("x") }, "1 bytes long, want 32"},
		"an empty collector name": {func(r *safelightv1.EnrolResponse) { r.Trust.ServerNames = []string{""} }, "collector's names"},
		"another root": {func(r *safelightv1.EnrolResponse) {
			r.Trust.RootsDer = pki.RawChain(other.auth.Root())
		}, "not among those to trust"},
	} {
		t.Run(name, func(t *testing.T) {
			col, dir := newCollector(t), t.TempDir()
			col.answer = c.change
			_, err := enrolAt(t, dir, col.token(1), "")
			wantError(t, err, "reading the answer", c.says)
			if _, err := enrol.Load(dir); !errors.Is(err, enrol.ErrNotEnrolled) {
				t.Errorf("something was kept: %v", err)
			}
		})
	}
}

// A crash before identity.json, which is written last.
func TestAnEnrolmentCutShortIsDoneAgain(t *testing.T) {
	c, dir := newCollector(t), t.TempDir()
	_, err := enrolAt(t, dir, c.token(1), "")
	must(t, err)
	must(t, os.Remove(filepath.Join(dir, "identity.json")))
	if _, err := enrol.Load(dir); !errors.Is(err, enrol.ErrNotEnrolled) {
		t.Errorf("got %v, want ErrNotEnrolled", err)
	}
	_, err = enrolAt(t, dir, c.token(1), "")
	must(t, err)
}

func TestADamagedIdentityIsNamed(t *testing.T) {
	c := newCollector(t)
	for file, says := range map[string]string{
		"identity.json": "identity.json", "device.crt": "device.crt", "device.key": "device.key", "trust.pb": "trust.pb",
	} {
		dir := t.TempDir()
		_, err := enrolAt(t, dir, c.token(1), "")
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, file), []byte("\xff\xffhalf"), 0o600))
		_, err = enrol.Load(dir)
		wantError(t, err, says)
	}
}

func TestTrustThatCouldNotBeWorkedWithIsRefusedAndTheOldKept(t *testing.T) {
	c, other, dir := newCollector(t), newCollector(t), t.TempDir()
	id, err := enrolAt(t, dir, c.token(1), "")
	must(t, err)
	pub := make([]byte, ed25519.PublicKeySize)
	good := func() *safelightv1.TrustBundle {
		return &safelightv1.TrustBundle{
			RootsDer: pki.RawChain(c.auth.Root()), ServerNames: []string{gate.ServerName},
			PolicyKeys: []*safelightv1.PolicyKey{{KeyId: "new", Ed25519Public: pub}},
		}
	}
	for name, change := range map[string]func(*safelightv1.TrustBundle){
		"empty":                func(b *safelightv1.TrustBundle) { proto.Reset(b) },
		"no roots":             func(b *safelightv1.TrustBundle) { b.RootsDer = nil },
		"a broken root":        func(b *safelightv1.TrustBundle) { b.RootsDer = append(b.RootsDer, []byte("x")) },
		"no names":             func(b *safelightv1.TrustBundle) { b.ServerNames = nil },
		"no keys":              func(b *safelightv1.TrustBundle) { b.PolicyKeys = nil },
		"a short key":          func(b *safelightv1.TrustBundle) { b.PolicyKeys[0].Ed25519Public = pub[:31] },
		"another root instead": func(b *safelightv1.TrustBundle) { b.RootsDer = pki.RawChain(other.auth.Root()) },
	} {
		bad := good()
		change(bad)
		if err := id.SetTrust(dir, bad); err == nil || !strings.Contains(err.Error(), "taking over new trust") {
			t.Errorf("%s: %v", name, err)
		}
	}
	again, err := enrol.Load(dir)
	must(t, err)
	for _, i := range []*enrol.Identity{id, again} {
		if i.PolicyKeys()[0].GetKeyId() != "k" {
			t.Error("the old trust is gone")
		}
		_, err := calls(t, i, c.addr)
		must(t, err)
	}
	must(t, id.SetTrust(dir, good()))
	again, err = enrol.Load(dir)
	must(t, err)
	if again.PolicyKeys()[0].GetKeyId() != "new" {
		t.Error("good trust was not kept")
	}
}

func TestANewRootIsTakenInTwoSteps(t *testing.T) {
	c, next, dir := newCollector(t), newCollector(t), t.TempDir()
	id, err := enrolAt(t, dir, c.token(1), "")
	must(t, err)
	if _, err := calls(t, id, next.addr); status.Code(err) != codes.Unavailable {
		t.Errorf("a collector with another root: %v", err)
	}
	bundle := func(roots ...*x509.Certificate) *safelightv1.TrustBundle {
		return &safelightv1.TrustBundle{RootsDer: pki.RawChain(roots...), ServerNames: []string{gate.ServerName}, PolicyKeys: id.PolicyKeys()}
	}
	must(t, id.SetTrust(dir, bundle(c.auth.Root(), next.auth.Root())))
	must(t, id.SetTrust(dir, bundle(next.auth.Root())))
	if _, err := calls(t, id, c.addr); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), pki.ErrUntrusted.Error()) {
		t.Errorf("the old collector after the change: %v", err)
	}
}
