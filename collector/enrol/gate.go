package enrol

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"safelight/collector/model"
	"safelight/internal/pki"
)

// Gate decides whose device a connection is. The zero revocation list admits
// every certificate that verifies; Reload fills it from the store.
type Gate struct {
	school model.SchoolID
	auth   *Authority
	now    func() time.Time
	log    *slog.Logger

	mu      sync.Mutex
	revoked map[string]bool                     // by device
	streams map[string]map[*openStream]struct{} // by device, ended on revocation
}

type openStream struct {
	cancel  context.CancelCauseFunc
	expires time.Time // of the certificate it was opened with
}

// streamGrace is how long a stream may outlive its certificate: a device renews
// a month before, and calls anew with what it got.
const streamGrace = time.Hour

// errExpired is the cause with which a stream ends whose certificate did.
var errExpired = errors.New("the device certificate of this connection has ended: renew, and connect anew")

// ErrRevoked is the cause with which a revoked device's streams end.
var ErrRevoked = errors.New("this device's access was revoked")

// NewGate makes the gate of one school.
func NewGate(school model.SchoolID, a *Authority, now func() time.Time, log *slog.Logger) *Gate {
	return &Gate{
		school: school, auth: a, now: now, log: log,
		revoked: map[string]bool{}, streams: map[string]map[*openStream]struct{}{},
	}
}

// SetRevoked replaces the revocation list and ends the open streams of every
// device on it.
func (g *Gate) SetRevoked(devices []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.revoked = make(map[string]bool, len(devices))
	for _, d := range devices {
		g.revoked[d] = true
		for s := range g.streams[d] {
			s.cancel(ErrRevoked)
		}
	}
}

// EndExpired ends the streams whose certificates ended an hour ago. The server
// calls it now and then.
func (g *Gate) EndExpired() {
	g.mu.Lock()
	defer g.mu.Unlock()
	late := g.now().Add(-streamGrace)
	for _, streams := range g.streams {
		for s := range streams {
			if s.expires.Before(late) {
				s.cancel(errExpired)
			}
		}
	}
}

// Outdated says whether the device behind a call should renew now, because keys
// were rotated since its certificate was made.
func (g *Gate) Outdated(ctx context.Context) bool { return g.auth.outdated(peerCerts(ctx)) }

// TLS is the configuration of the agents' listener: TLS 1.3, a client
// certificate asked for and, where given, checked on every connection,
// resumed ones too (VerifyConnection).
func (g *Gate) TLS(a *Authority) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { // anew, because keys are rotated
			cert := a.Certificate()
			return &cert, nil
		},
		ClientAuth: tls.RequestClientCert,
		NextProtos: []string{"h2"},
		VerifyConnection: func(cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) == 0 {
				return nil // Enrol only; the interceptor sees to it
			}
			_, err := g.auth.verifyDevice(cs.PeerCertificates, g.now(), pki.RenewGrace)
			return err
		},
	}
}

type deviceKey struct{}

// DeviceFrom returns the device that an interceptor found behind a call.
func DeviceFrom(ctx context.Context) (device string, school model.SchoolID, ok bool) {
	id, ok := ctx.Value(deviceKey{}).(pki.Identity)
	return id.Device, model.SchoolID(id.School), ok
}

// PublicKeyHash returns the SHA-256 of the public key behind a call.
func publicKeyHash(ctx context.Context) []byte {
	if certs := peerCerts(ctx); len(certs) > 0 {
		sum := sha256.Sum256(certs[0].RawSubjectPublicKeyInfo)
		return sum[:]
	}
	return nil
}

func peerCerts(ctx context.Context) []*x509.Certificate {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok {
		return nil
	}
	return info.State.PeerCertificates
}

const (
	enrolMethod = "/safelight.v1.EnrolmentService/Enrol"
	renewMethod = "/safelight.v1.EnrolmentService/Renew"
	splitMethod = "/safelight.v1.EnrolmentService/Split"
	agentPrefix = "/safelight.v1.AgentService/"
)

// admit is the default-deny rule: no certificate may Enrol only; one that
// expired may Renew only; a revoked one may nothing; a method that is not
// listed here is refused.
func (g *Gate) admit(ctx context.Context, method string) (context.Context, error) {
	if method == enrolMethod {
		return ctx, nil
	}
	if method != renewMethod && method != splitMethod && !strings.HasPrefix(method, agentPrefix) {
		return nil, status.Error(codes.Unimplemented, "unknown method")
	}
	certs := peerCerts(ctx)
	if len(certs) == 0 {
		return nil, status.Error(codes.Unauthenticated, "no device certificate: enrol first")
	}
	grace := time.Duration(0)
	if method == renewMethod {
		grace = pki.RenewGrace
	}
	id, err := g.auth.verifyDevice(certs, g.now(), grace)
	if err != nil {
		g.log.WarnContext(ctx, "refused a certificate", "method", method, "error", err.Error())
		return nil, status.Error(codes.Unauthenticated, "the device certificate is not valid here: renew or enrol again")
	}
	if model.SchoolID(id.School) != g.school {
		return nil, status.Error(codes.PermissionDenied, "the device belongs to another school")
	}
	g.mu.Lock()
	revoked := g.revoked[id.Device]
	g.mu.Unlock()
	if revoked {
		return nil, status.Error(codes.PermissionDenied, ErrRevoked.Error())
	}
	return context.WithValue(ctx, deviceKey{}, id), nil
}

// Unary is the interceptor of single calls.
func (g *Gate) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	ctx, err := g.admit(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	return next(ctx, req)
}

// Stream is the interceptor of streams: it also ends them when the device is
// revoked while they are open.
func (g *Gate) Stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	ctx, err := g.admit(ss.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	device, _, _ := DeviceFrom(ctx)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := g.track(device, &openStream{cancel: cancel, expires: peerCerts(ctx)[0].NotAfter})
	defer done()
	// A handler blocked in Recv does not see ctx, so the call returns here;
	// gRPC then tears the stream down and the handler's Recv ends.
	result := make(chan error, 1)
	go func() { result <- next(srv, &boundStream{ss, ctx}) }()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		switch cause := context.Cause(ctx); {
		case errors.Is(cause, ErrRevoked):
			return status.Error(codes.PermissionDenied, ErrRevoked.Error())
		case errors.Is(cause, errExpired):
			return status.Error(codes.Unauthenticated, errExpired.Error())
		}
		return <-result
	}
}

func (g *Gate) track(device string, s *openStream) (done func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.streams[device] == nil {
		g.streams[device] = map[*openStream]struct{}{}
	}
	g.streams[device][s] = struct{}{}
	if g.revoked[device] { // revoked since admit looked
		s.cancel(ErrRevoked)
	}
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.streams[device], s)
		if len(g.streams[device]) == 0 {
			delete(g.streams, device)
		}
	}
}

type boundStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *boundStream) Context() context.Context { return s.ctx }

// shortHash is how a key is named in logs.
func shortHash(h []byte) string { return hex.EncodeToString(h[:min(len(h), 8)]) }
