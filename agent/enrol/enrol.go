package enrol

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// Request is what the enrol verb was given.
type Request struct {
	Dir       string // owner-only, made by the caller
	Token     string
	Collector string // host:port; overrides the token's addresses
	Version   string
	Now       func() time.Time
	// AsNew leaves out what the firmware says, so that a machine whose hardware is
	// known already becomes another device: two agents on one machine are two.
	AsNew bool
}

// Enrol makes a key, has it certified, and keeps the result under Dir. A device
// that is enrolled already is refused: its spool and sequence belong to that
// identity.
func Enrol(ctx context.Context, req Request) (*Identity, error) {
	if _, err := Load(req.Dir); err == nil {
		return nil, fmt.Errorf("enrolling: %s is enrolled already; to start afresh, stop the agent and remove %s", req.Dir, identityFile(req.Dir))
	}
	token, err := pki.ParseToken(req.Token)
	if err != nil {
		return nil, err
	}
	addresses := token.Addresses
	if req.Collector != "" {
		addresses = []string{req.Collector}
	}
	if err := checkAddresses(addresses); err != nil {
		return nil, err
	}
	key, err := pki.LoadOrMakeKey(keyFile(req.Dir), pki.NewKey)
	if err != nil {
		return nil, err
	}
	csr, err := pki.NewCSR(key)
	if err != nil {
		return nil, err
	}
	hostname, _ := os.Hostname() // an unnamed device is shown by its id
	info := &safelightv1.DeviceInfo{Hostname: hostname, Os: runtime.GOOS, Arch: runtime.GOARCH, AgentVersion: req.Version}
	if !req.AsNew {
		addHardware(info)
	}
	ask := &safelightv1.EnrolRequest{TokenSecret: token.Secret, CsrDer: csr, Device: info}
	resp, err := askEach(ctx, addresses, token, ask, req.Now)
	if err != nil {
		return nil, err
	}
	id := &Identity{DeviceID: resp.GetDeviceId(), School: resp.GetSchool(), Addresses: addresses, key: key, trust: resp.GetTrust()}
	if id.chain, err = pki.ParseChain(resp.GetCertificatesDer()); err != nil {
		return nil, fmt.Errorf("enrolling: reading the answer: %w", err)
	}
	if err := check(id, token); err != nil {
		return nil, fmt.Errorf("enrolling: reading the answer: %w", err)
	}
	id.clock = openClock(req.Dir, id.chain[0].NotBefore)
	return id, id.save(req.Dir)
}

func checkAddresses(addresses []string) error {
	if len(addresses) == 0 {
		return errors.New("enrolling: the token carries no address; give --collector host:port")
	}
	for _, a := range addresses {
		if host, port, err := net.SplitHostPort(a); err != nil || host == "" || port == "" {
			return fmt.Errorf("enrolling: address %q: want host:port", a)
		}
	}
	return nil
}

// check refuses an answer that a later start could not work with.
func check(id *Identity, token pki.Token) error {
	if err := checkTrust(id.trust); err != nil {
		return err
	}
	roots, err := pki.ParseChain(id.trust.GetRootsDer())
	if err != nil {
		return err
	}
	switch {
	case !slices.ContainsFunc(roots, func(r *x509.Certificate) bool { return pki.Fingerprint(r) == token.Fingerprint }):
		return errors.New("the root that the token names is not among those to trust")
	case len(id.chain) == 0 || id.DeviceID == "" || id.School == "":
		return errors.New("it lacks the certificate, the device's id or the school")
	case !sameKey(id.chain[0].PublicKey, id.key.Public()):
		return errors.New("the certificate is for another key")
	}
	return nil
}

func sameKey(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// askEach tries the addresses in order and returns the first answer. A refusal is
// an answer.
func askEach(ctx context.Context, addresses []string, token pki.Token, ask *safelightv1.EnrolRequest, now func() time.Time) (*safelightv1.EnrolResponse, error) {
	conf := clientTLS(pinned(token, now))
	conf.ServerName = token.ServerName
	var failures []error
	for _, addr := range addresses {
		resp, err := askAt(ctx, addr, credentials.NewTLS(conf), ask)
		if err == nil {
			return resp, nil
		}
		switch status.Code(err) {
		case codes.PermissionDenied, codes.InvalidArgument:
			return nil, fmt.Errorf("enrolling at %s: refused: %s", addr, status.Convert(err).Message())
		}
		failures = append(failures, fmt.Errorf("enrolling at %s: %s", addr, plain(err)))
	}
	return nil, errors.Join(failures...)
}

func askAt(ctx context.Context, addr string, creds credentials.TransportCredentials, ask *safelightv1.EnrolRequest) (*safelightv1.EnrolResponse, error) {
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return safelightv1.NewEnrolmentServiceClient(conn).Enrol(ctx, ask)
}

// plain turns gRPC's words into what a technician can act on.
func plain(err error) string {
	msg := status.Convert(err).Message()
	switch {
	case strings.Contains(msg, pki.ErrUntrusted.Error()):
		return "the collector could not prove that it made this token: " + after(msg, pki.ErrUntrusted.Error()+": ")
	case status.Code(err) == codes.Unavailable, status.Code(err) == codes.DeadlineExceeded:
		return "no answer (" + msg + "); check the address, the port and the firewall"
	}
	return msg
}

func after(s, sep string) string {
	_, rest, ok := strings.Cut(s, sep)
	if !ok {
		return s
	}
	return strings.TrimSuffix(rest, `"`)
}
