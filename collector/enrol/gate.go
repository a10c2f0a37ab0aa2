package enrol

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
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
	revoked map[string]bool          // by device
	ended   map[endedKey]bool        // of devices that were set up anew
	told    map[endedKey]time.Time   // when somebody may next be told that it came; of those that have ended
	streams map[string][]*openStream // by device, the oldest first

	tell func(ctx context.Context, device string) error // nil: nobody is told
}

// streamGrace is how long a stream may outlive its certificate: a device renews
// a month before, and calls anew with what it got.
const streamGrace = time.Hour

// ErrRevoked is what a revoked device is told.
var ErrRevoked = errors.New("this device's access was revoked")

// ErrReplaced is what is told to whoever comes with the key of a device that was set
// up anew since: an older image of it, or whoever has a copy.
var ErrReplaced = errors.New("this device was set up anew and has another key: enrol again")

// NewGate makes the gate of one school.
func NewGate(school model.SchoolID, a *Authority, now func() time.Time, log *slog.Logger) *Gate {
	return &Gate{
		school: school, auth: a, now: now, log: log,
		revoked: map[string]bool{}, ended: map[endedKey]bool{}, told: map[endedKey]time.Time{}, streams: map[string][]*openStream{},
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
		for _, s := range g.streams[d] {
			s.end()
		}
	}
}

// endedKey is a key of a device that has another one now. Laptops that were copied
// from one disk before they enrolled share a key: setting up one ends no other's.
type endedKey struct {
	device string
	key    [32]byte // SHA-256
}

// SetEnded replaces the list of keys that are worth nothing any more to their
// devices, and ends the streams that were opened with one.
func (g *Gate) SetEnded(keys []model.EndedKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = make(map[endedKey]bool, len(keys))
	for _, k := range keys {
		if len(k.KeyHash) == sha256.Size {
			g.ended[endedKey{k.Device, [32]byte(k.KeyHash)}] = true
		}
	}
	maps.DeleteFunc(g.told, func(k endedKey, _ time.Time) bool { return !g.ended[k] })
	for _, streams := range g.streams {
		for _, s := range streams {
			if g.ended[endedKey{s.device, s.key}] {
				s.end()
			}
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
		for _, s := range streams {
			if s.expires.Before(late) {
				s.end()
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

type visitKey struct{}

// visit is a call that was let in.
type visit struct {
	pki.Identity
	stream *openStream // nil: a single call
}

// DeviceFrom returns the device that an interceptor found behind a call.
func DeviceFrom(ctx context.Context) (device string, school model.SchoolID, ok bool) {
	v, ok := ctx.Value(visitKey{}).(visit)
	return v.Device, model.SchoolID(v.School), ok
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
	line, _ := lineOf(ctx)
	return line.State.PeerCertificates
}

// lineOf is the connection behind a call; the zero Line has no certificate.
func lineOf(ctx context.Context) (Line, bool) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return Line{}, false
	}
	l, ok := p.AuthInfo.(Line)
	return l, ok
}

const (
	enrolMethod = "/safelight.v1.EnrolmentService/Enrol"
	renewMethod = "/safelight.v1.EnrolmentService/Renew"
	splitMethod = "/safelight.v1.EnrolmentService/Split"
	agentPrefix = "/safelight.v1.AgentService/"
)

// admit is the default-deny rule for everything but Enrol: who has no certificate
// may nothing; one that expired may Renew only; a revoked one may nothing; a
// method that is not listed here is refused.
func (g *Gate) admit(ctx context.Context, method string) (v visit, err error) {
	if method != renewMethod && method != splitMethod && !strings.HasPrefix(method, agentPrefix) {
		return v, status.Error(codes.Unimplemented, "unknown method")
	}
	certs := peerCerts(ctx)
	if len(certs) == 0 {
		return v, status.Error(codes.Unauthenticated, "no device certificate: enrol first")
	}
	grace := time.Duration(0)
	if method == renewMethod {
		grace = pki.RenewGrace
	}
	id, err := g.auth.verifyDevice(certs, g.now(), grace)
	if err != nil {
		g.log.WarnContext(ctx, "refused a certificate", "method", method, "error", err.Error())
		return v, status.Error(codes.Unauthenticated, "the device certificate is not valid here: renew or enrol again")
	}
	if model.SchoolID(id.School) != g.school {
		return v, status.Error(codes.PermissionDenied, "the device belongs to another school")
	}
	key := endedKey{id.Device, sha256.Sum256(certs[0].RawSubjectPublicKeyInfo)}
	g.mu.Lock()
	revoked, ended := g.revoked[id.Device], g.ended[key]
	g.mu.Unlock()
	switch {
	case revoked:
		return v, status.Error(codes.PermissionDenied, ErrRevoked.Error())
	case ended:
		g.refuseEnded(ctx, key)
		return v, status.Error(codes.PermissionDenied, ErrReplaced.Error())
	}
	return visit{Identity: id}, nil
}

// Unary is the interceptor of single calls.
func (g *Gate) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if info.FullMethod == enrolMethod {
		return next(ctx, req)
	}
	v, err := g.admit(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	return next(context.WithValue(ctx, visitKey{}, v), req)
}

// shortHash is how a key is named in logs.
func shortHash(h []byte) string { return hex.EncodeToString(h[:min(len(h), 8)]) }
