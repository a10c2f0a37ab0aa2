package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"strings"
	"time"
)

// CA is a certificate authority: a root, or the issuing one below it.
type CA struct {
	Cert *x509.Certificate
	Key  crypto.Signer
}

// NewRoot makes a school's root authority.
func NewRoot(school string, key crypto.Signer, now time.Time) (*CA, error) {
	t, err := template(now, RootLife)
	if err != nil {
		return nil, err
	}
	t.Subject = pkix.Name{CommonName: "Safelight root", Organization: []string{school}}
	t.IsCA, t.BasicConstraintsValid = true, true
	t.MaxPathLen = 1
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	return signCA(t, t, key, key)
}

// NewIssuing makes the issuing authority below a root. It signs for devices and
// collectors; the root may then be taken offline.
func (ca *CA) NewIssuing(key crypto.Signer, now time.Time) (*CA, error) {
	t, err := template(now, IssuingLife)
	if err != nil {
		return nil, err
	}
	t.Subject = pkix.Name{CommonName: "Safelight issuing", Organization: ca.Cert.Subject.Organization}
	t.IsCA, t.BasicConstraintsValid = true, true
	t.MaxPathLenZero = true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	return signCA(t, ca.Cert, key, ca.Key)
}

func signCA(t, parent *x509.Certificate, key, parentKey crypto.Signer) (*CA, error) {
	cert, err := sign(t, parent, key.Public(), parentKey)
	if err != nil {
		return nil, err
	}
	return &CA{Cert: cert, Key: key}, nil
}

// Identity says whom a device certificate was made for.
type Identity struct {
	School string
	Device string
}

// uri is how an identity stands in a certificate, as a URI name (RFC 5280).
func (id Identity) uri() *url.URL {
	return &url.URL{Scheme: "safelight", Host: "device", Path: "/" + id.School + "/" + id.Device}
}

// NewDeviceID makes a random device id of 26 lower-case letters and digits.
func NewDeviceID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}

// maxCSR bounds a request: one for a P-256 key is some 200 bytes long.
const maxCSR = 8 << 10

// ParseCSR reads a PKCS #10 request and checks that its key signed it. Only
// P-256 keys are taken, the kind NewKey makes: whoever asks is not yet known.
func ParseCSR(der []byte) (*x509.CertificateRequest, error) {
	if len(der) > maxCSR {
		return nil, fmt.Errorf("parsing certificate request: %d bytes, at most %d", len(der), maxCSR)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("parsing certificate request: %w", err)
	}
	if key, ok := csr.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("parsing certificate request: want an ECDSA P-256 key")
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("checking certificate request: %w", err)
	}
	return csr, nil
}

// NewCSR makes a request for a device certificate. Its subject is empty: who a
// device is, is decided by the collector.
func NewCSR(key crypto.Signer) ([]byte, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, fmt.Errorf("making certificate request: %w", err)
	}
	return der, nil
}

// SignDevice certifies pub as the given device for DeviceLife.
func (ca *CA) SignDevice(pub crypto.PublicKey, id Identity, now time.Time) (*x509.Certificate, error) {
	t, err := template(now, DeviceLife)
	if err != nil {
		return nil, err
	}
	ca.bound(t)
	t.Subject = pkix.Name{CommonName: id.Device}
	t.URIs = []*url.URL{id.uri()}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return sign(t, ca.Cert, pub, ca.Key)
}

// SignCollector certifies pub as a collector reached by the given names and
// addresses.
func (ca *CA) SignCollector(pub crypto.PublicKey, names []string, now time.Time) (*x509.Certificate, error) {
	t, err := template(now, CollectorLife)
	if err != nil {
		return nil, err
	}
	ca.bound(t)
	t.Subject = pkix.Name{CommonName: "Safelight collector"}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return sign(t, ca.Cert, pub, ca.Key)
}

// bound ends a certificate with its authority at the latest: one that outlived
// it would not verify, not even for renewal.
func (ca *CA) bound(t *x509.Certificate) {
	if t.NotAfter.After(ca.Cert.NotAfter) {
		t.NotAfter = ca.Cert.NotAfter
	}
}

func template(now time.Time, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("choosing serial number: %w", err)
	}
	return &x509.Certificate{
		SerialNumber: serial,
		NotBefore:    now.Add(-backdate),
		NotAfter:     now.Add(life),
	}, nil
}

func sign(t, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, pub, key)
	if err != nil {
		return nil, fmt.Errorf("signing certificate for %s: %w", t.Subject, err)
	}
	return x509.ParseCertificate(der)
}

// Fingerprint is the SHA-256 of a certificate, in hexadecimal.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// ErrUntrusted means that a chain does not lead to a trusted root, or is out of
// date, or was made for something else.
var ErrUntrusted = errors.New("certificate not trusted")

// VerifyDevice checks a device's chain (leaf first) against the roots and
// returns whom it was made for. An expired leaf is accepted up to grace after
// its end; callers that serve more than renewal pass 0. Revocation is the
// caller's to check.
func VerifyDevice(chain []*x509.Certificate, roots *x509.CertPool, now time.Time, grace time.Duration) (Identity, error) {
	if len(chain) == 0 {
		return Identity{}, fmt.Errorf("%w: none given", ErrUntrusted)
	}
	leaf, at := chain[0], now
	if grace > 0 && now.After(leaf.NotAfter) && now.Before(leaf.NotAfter.Add(grace)) {
		at = leaf.NotAfter
	}
	if err := verify(chain, roots, at, x509.ExtKeyUsageClientAuth, ""); err != nil {
		return Identity{}, err
	}
	for _, u := range leaf.URIs {
		school, device, ok := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
		if u.Scheme == "safelight" && u.Host == "device" && ok && school != "" && device != "" {
			return Identity{School: school, Device: device}, nil
		}
	}
	return Identity{}, fmt.Errorf("%w: it names no device", ErrUntrusted)
}

// VerifyCollector checks a collector's chain (leaf first) against the roots;
// the leaf must carry one of the names.
func VerifyCollector(chain []*x509.Certificate, roots *x509.CertPool, names []string, now time.Time) error {
	if len(chain) == 0 || len(names) == 0 {
		return fmt.Errorf("%w: no certificate, or no name to hold it against", ErrUntrusted)
	}
	var errs []error
	for _, name := range names {
		if name == "" { // x509 takes it for "any name"
			errs = append(errs, fmt.Errorf("%w: an empty name is nobody's", ErrUntrusted))
			continue
		}
		err := verify(chain, roots, now, x509.ExtKeyUsageServerAuth, name)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func verify(chain []*x509.Certificate, roots *x509.CertPool, at time.Time, use x509.ExtKeyUsage, name string) error {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: at, DNSName: name,
		KeyUsages: []x509.ExtKeyUsage{use},
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	return nil
}

// Made is when a certificate was signed, by the clock of who signed it.
func Made(cert *x509.Certificate) time.Time { return cert.NotBefore.Add(backdate) }
