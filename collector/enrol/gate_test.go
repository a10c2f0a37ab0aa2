package enrol_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"safelight/collector/enrol"
	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// everyMethod makes one call of every method there is and returns the answers.
func (d *device) everyMethod() map[string]error {
	d.h.t.Helper()
	conn := d.connect()
	agent := safelightv1.NewAgentServiceClient(conn)
	ctx := d.h.t.Context()
	answers := map[string]error{}
	_, answers["Renew"] = safelightv1.NewEnrolmentServiceClient(conn).Renew(ctx, &safelightv1.RenewRequest{CsrDer: csr(d.h.t, d.key)})
	_, answers["Split"] = safelightv1.NewEnrolmentServiceClient(conn).Split(ctx, &safelightv1.SplitRequest{CsrDer: csr(d.h.t, newKey(d.h.t))})
	_, answers["ResolveAccount"] = agent.ResolveAccount(ctx, &safelightv1.ResolveAccountRequest{Account: "pupil14"})
	answers["FetchBlob"] = first(agent.FetchBlob(ctx, &safelightv1.FetchBlobRequest{Sha256: make([]byte, 32)}))
	answers["Ship"] = first(agent.Ship(ctx))
	answers["Watch"] = first(agent.Watch(ctx))
	return answers
}

// first is the first answer of a stream that says nothing.
func first[M any](stream interface {
	CloseSend() error
	Recv() (*M, error)
}, err error,
) error {
	if err != nil {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

// methods says how many methods everyMethod must know, so that one added to the
// protocol is not left out.
func methods() int {
	n := 0
	for _, s := range []grpc.ServiceDesc{safelightv1.AgentService_ServiceDesc, safelightv1.EnrolmentService_ServiceDesc} {
		n += len(s.Methods) + len(s.Streams)
	}
	return n
}

func TestWithoutACertificateOnlyEnrolmentWorks(t *testing.T) {
	h := newHouse(t)
	answers := h.stranger().everyMethod()
	if len(answers)+1 != methods() { // and Enrol
		t.Fatalf("%d methods are tried, there are %d", len(answers)+1, methods())
	}
	for method, err := range answers {
		if status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v", method, err)
		}
	}
	_, err := h.stranger().enrol(h.token(1, time.Hour))
	must(t, err)
}

func TestWithACertificateEveryMethodWorks(t *testing.T) {
	h := newHouse(t)
	for method, err := range h.enrolled().everyMethod() {
		if method == "Split" { // only where it was told to
			wantStatus(t, err, codes.PermissionDenied, "not told to split")
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", method, err)
		}
	}
}

func TestAnUnknownMethodIsRefused(t *testing.T) {
	h := newHouse(t)
	d := h.enrolled()
	for _, method := range []string{"/safelight.v1.AgentService/Reboot", "/safelight.v1.AdminService/Do", "/grpc.health.v1.Health/Check"} {
		err := d.connect().Invoke(t.Context(), method, &safelightv1.Hello{}, &safelightv1.Hello{})
		wantStatus(t, err, codes.Unimplemented)
	}
	// One that some part registers beside ours does not pass the gate either.
	_, err := h.gate.Unary(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "/safelight.v1.AdminService/Do"},
		func(context.Context, any) (any, error) { panic("the gate let it through") })
	wantStatus(t, err, codes.Unimplemented)
}

// forge gives the device a certificate from an authority of one's own.
func (d *device) forge(school string) {
	d.h.t.Helper()
	root, err := pki.NewRoot("Hill Lane", newKey(d.h.t), d.h.clock.now())
	must(d.h.t, err)
	issuing, err := root.NewIssuing(newKey(d.h.t), d.h.clock.now())
	must(d.h.t, err)
	leaf, err := issuing.SignDevice(d.key.Public(), pki.Identity{School: school, Device: d.id}, d.h.clock.now())
	must(d.h.t, err)
	d.hold(pki.RawChain(leaf, issuing.Cert, root.Cert))
}

func TestACertificateOfAnotherAuthorityIsRefusedAtTheHandshake(t *testing.T) {
	h := newHouse(t)
	d := h.enrolled()
	d.forge(string(school))
	for method, err := range d.everyMethod() {
		if status.Code(err) != codes.Unavailable {
			t.Errorf("%s: %v", method, err)
		}
	}
	_, err := d.enrol(h.token(1, time.Hour))
	wantStatus(t, err, codes.Unavailable)
	wantDevices(h, 1)
}

func TestADeviceOfAnotherSchoolIsRefused(t *testing.T) {
	h := newHouse(t)
	d := h.stranger()
	// The same authority signs for several schools of a trust.
	dir := filepath.Join(t.TempDir(), "ca")
	h.auth = openAuthority(t, dir, h.clock.now())
	key, err := pki.LoadKey(filepath.Join(dir, "issuing.key"))
	must(t, err)
	certs, err := pki.LoadCerts(filepath.Join(dir, "issuing.crt"))
	must(t, err)
	leaf, err := (&pki.CA{Cert: certs[0], Key: key}).SignDevice(d.key.Public(), pki.Identity{School: "other", Device: "laptop"}, h.clock.now())
	must(t, err)
	d.hold(pki.RawChain(leaf, certs[0]))
	h.reopen()
	for method, err := range d.everyMethod() {
		if status.Code(err) != codes.PermissionDenied {
			t.Errorf("%s: %v", method, err)
		}
	}
}

func TestARevokedDeviceIsRefusedAndItsOpenStreamsEnd(t *testing.T) {
	h := newHouse(t)
	d, other := h.enrolled(), h.enrolled()
	first, second, theirs := d.watch(), d.watch(), other.watch()
	h.gate.SetRevoked([]string{d.id})
	for _, stream := range []safelightv1.AgentService_WatchClient{first, second} {
		_, err := stream.Recv()
		wantStatus(t, err, codes.Unavailable) // and when it calls again, why
		if err := <-h.ended; err == nil {     // the handler behind the gate ends too
			t.Error("the handler's Recv ended without an error")
		}
	}
	for method, err := range d.everyMethod() {
		if status.Code(err) != codes.PermissionDenied {
			t.Errorf("%s: %v", method, err)
		}
	}
	must(t, theirs.Send(&safelightv1.AgentStatus{}))
	_, err := other.resolve()
	must(t, err)
	h.gate.SetRevoked(nil)
	_, err = d.resolve()
	must(t, err)
}

// A ticket from before must not carry a device past its revocation or its end.
func TestAResumedSessionIsCheckedLikeANewOne(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(h *house, d *device)
		code    codes.Code
	}{
		"nothing": {func(*house, *device) {}, codes.OK},
		"revoked": {func(h *house, d *device) { h.gate.SetRevoked([]string{d.id}) }, codes.PermissionDenied},
		"expired": {func(h *house, _ *device) { h.clock.pass(pki.DeviceLife + time.Hour) }, codes.Unauthenticated},
		"expired over a year ago": {func(h *house, _ *device) {
			h.clock.pass(pki.DeviceLife + pki.RenewGrace + time.Hour)
		}, codes.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			d := h.enrolled()
			var resumed atomic.Bool
			d.conf.ServerName = "collector.test"
			d.conf.ClientSessionCache = tls.NewLRUClientSessionCache(4)
			d.conf.VerifyConnection = func(cs tls.ConnectionState) error { resumed.Store(cs.DidResume); return nil }
			_, err := d.resolve()
			must(t, err)
			if resumed.Load() {
				t.Fatal("the first connection was resumed")
			}
			c.happens(h, d)
			_, err = d.resolve()
			if !resumed.Load() {
				t.Fatal("the second connection was not resumed: the test proves nothing")
			}
			if status.Code(err) != c.code {
				t.Errorf("got %v, want %v", err, c.code)
			}
		})
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	h := newHouse(t)
	conf := h.stranger().conf.Clone()
	conf.MinVersion, conf.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if c, err := tls.Dial("tcp", h.addr, conf); err == nil {
		_ = c.Close()
		t.Error("TLS 1.2 was accepted")
	}
}

// A client that shows a chain in the wrong order, or only its leaf, has nothing
// to prove the root with.
func TestALeafWithoutItsIssuerIsRefused(t *testing.T) {
	h := newHouse(t)
	d := h.enrolled()
	d.hold(d.cert.Certificate[:1])
	_, err := d.resolve()
	wantStatus(t, err, codes.Unavailable)
}

// reopen serves h.auth anew.
func (h *house) reopen() {
	h.t.Helper()
	h.gate = enrol.NewGate(school, h.auth, h.clock.now, quiet)
	h.serve()
}

// The collector's clock was ahead when a device enrolled, and was mended; or it
// fell behind later. The device's certificate then begins in the future.
func TestADeviceIsNotCutOffByTheCollectorsClock(t *testing.T) {
	const day = 24 * time.Hour
	h := newHouse(t)
	before := h.enrolled()
	h.clock.pass(40 * day)
	ahead := h.enrolled()
	for _, by := range []time.Duration{-40 * day, -3 * day, 3 * day} {
		h.clock.pass(by)
		for name, d := range map[string]*device{"enrolled before": before, "enrolled while it was ahead": ahead} {
			if _, err := d.resolve(); err != nil {
				t.Errorf("%s, the clock at %s: %v", name, h.clock.now(), err)
			}
		}
	}
	h.clock.pass(91 * day)
	_, err := before.resolve()
	wantStatus(t, err, codes.Unauthenticated)
	if _, err := ahead.resolve(); err != nil {
		t.Errorf("a certificate that was made later has ended with the first: %v", err)
	}
}
