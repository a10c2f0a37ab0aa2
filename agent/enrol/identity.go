// Package enrol makes a device known to its collector and keeps what came of
// it: the key, which never leaves the device, the certificate, whom to trust
// and where the collector is. agent/daemon and the agent's enrol verb use it.
package enrol

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
func (id *Identity) PolicyKeys() []*safelightv1.PolicyKey { return id.trust.GetPolicyKeys() }

// TLS is the configuration for calls to the collector: the device's
// certificate, and a collector that proves one of the trusted roots and names.
func (id *Identity) TLS(now func() time.Time) (*tls.Config, error) {
	roots, err := pki.ParseChain(id.trust.GetRootsDer())
	if err != nil || len(roots) == 0 {
		return nil, fmt.Errorf("reading trusted roots: %w; enrol again", errors.Join(err, errors.New("none usable")))
	}
	cert := tls.Certificate{Certificate: pki.RawChain(id.chain...), PrivateKey: id.key, Leaf: id.chain[0]}
	conf := clientTLS(id.trust.GetServerNames(), now, func([]*x509.Certificate) (*x509.CertPool, error) {
		return pki.Pool(roots...), nil
	})
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	return conf, nil
}

// clientTLS checks the collector by our roots and names alone:
// InsecureSkipVerify only turns off the system's, VerifyConnection is ours and
// runs on resumed connections too.
func clientTLS(names []string, now func() time.Time, roots func(chain []*x509.Certificate) (*x509.CertPool, error)) *tls.Config {
	name := ""
	if len(names) > 0 {
		name = names[0]
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}, ServerName: name,
		InsecureSkipVerify: true, //nolint:gosec // see VerifyConnection
		VerifyConnection: func(cs tls.ConnectionState) error {
			pool, err := roots(cs.PeerCertificates)
			if err != nil {
				return err
			}
			return pki.VerifyCollector(cs.PeerCertificates, pool, names, now())
		},
	}
}

// pinned finds the root that the token's fingerprint names in what the
// collector sent.
func pinned(fingerprint string) func([]*x509.Certificate) (*x509.CertPool, error) {
	return func(chain []*x509.Certificate) (*x509.CertPool, error) {
		i := slices.IndexFunc(chain, func(c *x509.Certificate) bool { return pki.Fingerprint(c) == fingerprint })
		if i < 0 {
			return nil, fmt.Errorf("%w: this is not the collector that made the token, or something on the way replaces certificates", pki.ErrUntrusted)
		}
		return pki.Pool(chain[i]), nil
	}
}
