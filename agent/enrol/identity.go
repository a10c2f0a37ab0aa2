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
	Addresses []string `json:"addresses"` // host:port, tried in order

	key   crypto.Signer
	chain []*x509.Certificate

	mu    sync.Mutex // guards trust, which the collector may renew
	trust *safelightv1.TrustBundle
}

func keyFile(dir string) string      { return filepath.Join(dir, "device.key") }
func certFile(dir string) string     { return filepath.Join(dir, "device.crt") }
func trustFile(dir string) string    { return filepath.Join(dir, "trust.pb") }
func identityFile(dir string) string { return filepath.Join(dir, "identity.json") }

// Load reads the identity under dir. The identity file is written last, so
// where it is missing, enrolment did not finish.
func Load(dir string) (*Identity, error) {
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
func (id *Identity) Expires() time.Time { return id.chain[0].NotAfter }

// PolicyKeys are the keys whose policy this device accepts.
func (id *Identity) PolicyKeys() []*safelightv1.PolicyKey { return id.trusted().GetPolicyKeys() }

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
	if len(roots) == 0 || len(trust.GetServerNames()) == 0 || slices.Contains(trust.GetServerNames(), "") || len(trust.GetPolicyKeys()) == 0 {
		return errors.New("it lacks the roots, the collector's names or the policy keys")
	}
	return nil
}

// TLS is the configuration for calls to the collector: the device's
// certificate, and a collector that proves one of the trusted roots and names.
// Trust is read anew for every connection.
func (id *Identity) TLS(now func() time.Time) (*tls.Config, error) {
	if err := checkTrust(id.trusted()); err != nil {
		return nil, fmt.Errorf("reading whom to trust: %w; enrol again", err)
	}
	cert := tls.Certificate{Certificate: pki.RawChain(id.chain...), PrivateKey: id.key, Leaf: id.chain[0]}
	conf := clientTLS(now, func([]*x509.Certificate) (*x509.CertPool, []string, error) {
		trust := id.trusted()
		roots, err := pki.ParseChain(trust.GetRootsDer())
		return pki.Pool(roots...), trust.GetServerNames(), err
	})
	conf.ServerName = id.trusted().GetServerNames()[0]
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	return conf, nil
}

// clientTLS checks the collector by our roots and names alone:
// InsecureSkipVerify only turns off the system's, VerifyConnection is ours and
// runs on resumed connections too.
func clientTLS(now func() time.Time, trust func(chain []*x509.Certificate) (*x509.CertPool, []string, error)) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"},
		InsecureSkipVerify: true, //nolint:gosec // see VerifyConnection
		VerifyConnection: func(cs tls.ConnectionState) error {
			pool, names, err := trust(cs.PeerCertificates)
			if err != nil {
				return err
			}
			return pki.VerifyCollector(cs.PeerCertificates, pool, names, now())
		},
	}
}

// pinned finds the root that the token's fingerprint names in what the
// collector sent.
func pinned(token pki.Token) func([]*x509.Certificate) (*x509.CertPool, []string, error) {
	return func(chain []*x509.Certificate) (*x509.CertPool, []string, error) {
		i := slices.IndexFunc(chain, func(c *x509.Certificate) bool { return pki.Fingerprint(c) == token.Fingerprint })
		if i < 0 {
			return nil, nil, fmt.Errorf("%w: this is not the collector that made the token, or something on the way replaces certificates", pki.ErrUntrusted)
		}
		return pki.Pool(chain[i]), []string{token.ServerName}, nil
	}
}
