// Package enrol makes a device known to its collector and keeps what came of
// it: the key, which never leaves the device, the certificate, whom to trust
// and where the collector is. agent/daemon and the agent's enrol verb use it.
package enrol

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// ErrNotEnrolled means that the folder holds no identity.
var ErrNotEnrolled = errors.New("this device is not enrolled; run: safelight-agent enrol --token TOKEN")

// Identity is what an enrolled device knows about itself and its collector.
type Identity struct {
	DeviceID  string   `json:"device_id"`
	School    string   `json:"school"`
	Addresses []string `json:"addresses"` // host:port, as the token said

	key   crypto.Signer
	clock *Clock

	mu    sync.Mutex // guards what the collector may renew
	chain []*x509.Certificate
	trust *safelightv1.TrustBundle
}

func keyFile(dir string) string      { return filepath.Join(dir, "device.key") }
func certFile(dir string) string     { return filepath.Join(dir, "device.crt") }
func trustFile(dir string) string    { return filepath.Join(dir, "trust.pb") }
func identityFile(dir string) string { return filepath.Join(dir, "identity.json") }

// Load reads the identity under dir. The identity file is written last, so
// where it is missing, enrolment did not finish.
func Load(dir string) (*Identity, error) {
	if err := adopt(dir); err != nil {
		return nil, fmt.Errorf("taking over a new identity: %w", err)
	}
	data, err := os.ReadFile(identityFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotEnrolled
	}
	if err != nil {
		return nil, fmt.Errorf("reading identity: %w", err)
	}
	id := &Identity{}
	if err := json.Unmarshal(data, id); err != nil {
		return nil, fmt.Errorf("reading identity %s: %w; enrol again", identityFile(dir), err)
	}
	if id.key, err = pki.LoadKey(keyFile(dir)); err != nil {
		return nil, err
	}
	if id.chain, err = pki.LoadCerts(certFile(dir)); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(trustFile(dir))
	if err != nil {
		return nil, fmt.Errorf("reading trust: %w", err)
	}
	id.trust = &safelightv1.TrustBundle{}
	if err := proto.Unmarshal(raw, id.trust); err != nil {
		return nil, fmt.Errorf("reading trust %s: %w; enrol again", trustFile(dir), err)
	}
	id.clock = openClock(dir, id.chain[0].NotBefore)
	return id, nil
}

// save writes everything, the identity last.
func (id *Identity) save(dir string) error {
	if err := saveTrust(dir, id.trust); err != nil {
		return err
	}
	if err := pki.WriteSecret(certFile(dir), pki.EncodeCerts(id.chain...)); err != nil {
		return err
	}
	data, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding identity: %w", err)
	}
	return pki.WriteSecret(identityFile(dir), append(data, '\n'))
}

func saveTrust(dir string, trust *safelightv1.TrustBundle) error {
	raw, err := proto.Marshal(trust)
	if err != nil {
		return fmt.Errorf("encoding trust: %w", err)
	}
	return pki.WriteSecret(trustFile(dir), raw)
}

// Expires is when the certificate ends.
func (id *Identity) Expires() time.Time { return id.certificates()[0].NotAfter }

// Clock is the device's idea of the time, corrected by what the collector says.
func (id *Identity) Clock() *Clock { return id.clock }

// Reach is where the collector is called: where it says it is now, then where
// the token said it was.
func (id *Identity) Reach() []string {
	var all []string
	for _, a := range append(slices.Clone(id.trusted().GetAddresses()), id.Addresses...) {
		if !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return all
}

func (id *Identity) certificates() []*x509.Certificate {
	id.mu.Lock()
	defer id.mu.Unlock()
	return id.chain
}

// setChain keeps a renewed certificate; the next connection shows it.
func (id *Identity) setChain(dir string, chain []*x509.Certificate) error {
	if err := pki.WriteSecret(certFile(dir), pki.EncodeCerts(chain...)); err != nil {
		return err
	}
	id.mu.Lock()
	defer id.mu.Unlock()
	id.chain = chain
	return nil
}

// PolicyKeys are the keys whose policy this device accepts.
func (id *Identity) PolicyKeys() []*safelightv1.PolicyKey { return id.trusted().GetPolicyKeys() }

// RecoveryKey is the public key that may begin a policy epoch.
func (id *Identity) RecoveryKey() []byte { return id.trusted().GetRecoveryEd25519Public() }

func (id *Identity) trusted() *safelightv1.TrustBundle {
	id.mu.Lock()
	defer id.mu.Unlock()
	return id.trust
}

// SetTrust keeps a trust bundle that came over a connection already proven. One
// that this device could not work with is refused.
func (id *Identity) SetTrust(dir string, trust *safelightv1.TrustBundle) error {
	if err := checkTrust(trust); err != nil {
		return fmt.Errorf("taking over new trust: %w", err)
	}
	id.mu.Lock()
	defer id.mu.Unlock()
	trust, err := keepRecovery(id.trust, trust)
	if err != nil {
		return fmt.Errorf("taking over new trust: %w", err)
	}
	if proto.Equal(id.trust, trust) {
		return nil
	}
	if !shareRoot(id.trust, trust) {
		return errors.New("taking over new trust: none of its roots is trusted now, so this collector itself would be refused; a new root is handed out beside the old one first")
	}
	if err := saveTrust(dir, trust); err != nil {
		return err
	}
	id.trust = trust
	return nil
}

// keepRecovery keeps the recovery key that the device first heard of. The
// collector does not hold its private part, so it cannot be the one to change
// it: whoever stole the collector would.
func keepRecovery(old, next *safelightv1.TrustBundle) (*safelightv1.TrustBundle, error) {
	have, got := old.GetRecoveryEd25519Public(), next.GetRecoveryEd25519Public()
	switch {
	case len(have) == 0 || bytes.Equal(have, got):
		return next, nil
	case len(got) == 0:
		next = proto.CloneOf(next)
		next.RecoveryEd25519Public = have
		return next, nil
	}
	return nil, errors.New("it names another recovery key than this device has known; if that is meant, enrol the device again")
}

// shareRoot keeps a change of roots in steps: with nothing in common the device
// would be cut off from the collector that sent it.
func shareRoot(old, next *safelightv1.TrustBundle) bool {
	return slices.ContainsFunc(next.GetRootsDer(), func(der []byte) bool {
		return slices.ContainsFunc(old.GetRootsDer(), func(have []byte) bool { return bytes.Equal(der, have) })
	})
}

func checkTrust(trust *safelightv1.TrustBundle) error {
	roots, err := pki.ParseChain(trust.GetRootsDer())
	if err != nil {
		return err
	}
	for _, k := range trust.GetPolicyKeys() {
		if len(k.GetEd25519Public()) != ed25519.PublicKeySize {
			return fmt.Errorf("policy key %q is %d bytes long, want %d", k.GetKeyId(), len(k.GetEd25519Public()), ed25519.PublicKeySize)
		}
	}
	if n := len(trust.GetRecoveryEd25519Public()); n != 0 && n != ed25519.PublicKeySize {
		return fmt.Errorf("the recovery key is %d bytes long, want %d", n, ed25519.PublicKeySize)
	}
	for _, a := range trust.GetAddresses() {
		if host, port, err := net.SplitHostPort(a); err != nil || host == "" || port == "" {
			return fmt.Errorf("address %q: want host:port", a)
		}
	}
	if len(roots) == 0 || len(trust.GetServerNames()) == 0 || slices.Contains(trust.GetServerNames(), "") || len(trust.GetPolicyKeys()) == 0 {
		return errors.New("it lacks the roots, the collector's names or the policy keys")
	}
	return nil
}

// TLS is the configuration for calls to the collector: the device's
// certificate, and a collector that proves one of the trusted roots and names.
// Both are read anew for every connection. now is the device's own clock, which
// may be wrong: see Clock.
func (id *Identity) TLS(now func() time.Time) (*tls.Config, error) {
	if err := checkTrust(id.trusted()); err != nil {
		return nil, fmt.Errorf("reading whom to trust: %w; enrol again", err)
	}
	clock := id.clock
	clock.use(now)
	conf := clientTLS(func(chain []*x509.Certificate) error {
		trust := id.trusted()
		roots, err := pki.ParseChain(trust.GetRootsDer())
		if err != nil {
			return err
		}
		return clock.verify(chain, func(at time.Time) error {
			return pki.VerifyCollector(chain, pki.Pool(roots...), trust.GetServerNames(), at)
		})
	})
	conf.ServerName = id.trusted().GetServerNames()[0]
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		chain := id.certificates()
		return &tls.Certificate{Certificate: pki.RawChain(chain...), PrivateKey: id.key, Leaf: chain[0]}, nil
	}
	return conf, nil
}

// clientTLS checks the collector by our roots and names alone:
// InsecureSkipVerify only turns off the system's, VerifyConnection is ours and
// runs on resumed connections too.
func clientTLS(verify func(chain []*x509.Certificate) error) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"},
		InsecureSkipVerify: true, //nolint:gosec // see VerifyConnection
		VerifyConnection:   func(cs tls.ConnectionState) error { return verify(cs.PeerCertificates) },
	}
}

// pinned holds a collector against the root that the token's fingerprint names.
// A device out of its box may have any clock: where the chain is not good by it,
// it must have been good when it was made, and the token, an hour old as a rule,
// pins the rest.
func pinned(token pki.Token, now func() time.Time) func([]*x509.Certificate) error {
	return func(chain []*x509.Certificate) error {
		i := slices.IndexFunc(chain, func(c *x509.Certificate) bool { return pki.Fingerprint(c) == token.Fingerprint })
		if i < 0 {
			return fmt.Errorf("%w: this is not the collector that made the token, or something on the way replaces certificates", pki.ErrUntrusted)
		}
		verify := func(at time.Time) error {
			return pki.VerifyCollector(chain, pki.Pool(chain[i]), []string{token.ServerName}, at)
		}
		err := verify(now())
		if err != nil && verify(newest(chain)) == nil {
			return nil
		}
		return err
	}
}
