package pki_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"safelight/internal/pki"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

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

func wantUntrusted(t testing.TB, err error, parts ...string) {
	t.Helper()
	wantError(t, err, parts...)
	if !errors.Is(err, pki.ErrUntrusted) {
		t.Errorf("error %q is not ErrUntrusted", err)
	}
}

// school is a root and its issuing authority.
type school struct{ root, issuing *pki.CA }

func newSchool(t testing.TB) school {
	t.Helper()
	root, err := pki.NewRoot("Hill Lane", newKey(t), noon)
	must(t, err)
	issuing, err := root.NewIssuing(newKey(t), noon)
	must(t, err)
	return school{root, issuing}
}

func (s school) roots() *x509.CertPool { return pki.Pool(s.root.Cert) }

var laptop = pki.Identity{School: "hill-lane", Device: "laptop"}

// device is a certified device's chain.
func (s school) device(t testing.TB, at time.Time) []*x509.Certificate {
	t.Helper()
	leaf, err := s.issuing.SignDevice(newKey(t).Public(), laptop, at)
	must(t, err)
	return []*x509.Certificate{leaf, s.issuing.Cert}
}

func (s school) collector(t testing.TB, names ...string) []*x509.Certificate {
	t.Helper()
	leaf, err := s.issuing.SignCollector(newKey(t).Public(), names, noon)
	must(t, err)
	return []*x509.Certificate{leaf, s.issuing.Cert, s.root.Cert}
}

func TestADeviceIsKnownByItsCertificate(t *testing.T) {
	s := newSchool(t)
	got, err := pki.VerifyDevice(s.device(t, noon), s.roots(), noon, 0)
	must(t, err)
	if got != laptop {
		t.Errorf("got %v, want %v", got, laptop)
	}
}

func TestADeviceOfAnotherAuthorityIsRefused(t *testing.T) {
	s, other := newSchool(t), newSchool(t) // the same names, other keys
	_, err := pki.VerifyDevice(other.device(t, noon), s.roots(), noon, pki.RenewGrace)
	wantUntrusted(t, err)
	mixed := []*x509.Certificate{other.device(t, noon)[0], s.issuing.Cert}
	_, err = pki.VerifyDevice(mixed, s.roots(), noon, pki.RenewGrace)
	wantUntrusted(t, err)
	_, err = pki.VerifyDevice(nil, s.roots(), noon, pki.RenewGrace)
	wantUntrusted(t, err)
}

func TestAnExpiredDeviceMayOnlyRenewAndOnlyForAYear(t *testing.T) {
	s := newSchool(t)
	chain := s.device(t, noon)
	end := chain[0].NotAfter
	for _, c := range []struct {
		name  string
		at    time.Time
		grace time.Duration
		ok    bool
	}{
		{"call on the last second", end, 0, true},
		{"call a second later", end.Add(time.Second), 0, false},
		{"renewal a second later", end.Add(time.Second), pki.RenewGrace, true},
		{"renewal after 364 days", end.Add(364 * 24 * time.Hour), pki.RenewGrace, true},
		{"renewal after 366 days", end.Add(366 * 24 * time.Hour), pki.RenewGrace, false},
		{"a clock a day before it was made", noon.Add(-24 * time.Hour), pki.RenewGrace, false},
		{"a clock half an hour slow", noon.Add(-30 * time.Minute), 0, true},
	} {
		_, err := pki.VerifyDevice(chain, s.roots(), c.at, c.grace)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// An authority near its end must not hand out what cannot be renewed.
func TestACertificateEndsNoLaterThanItsAuthority(t *testing.T) {
	s := newSchool(t)
	late := s.issuing.Cert.NotAfter.Add(-24 * time.Hour)
	chain := s.device(t, late)
	if chain[0].NotAfter.After(s.issuing.Cert.NotAfter) {
		t.Errorf("it ends %s, its authority %s", chain[0].NotAfter, s.issuing.Cert.NotAfter)
	}
	if _, err := pki.VerifyDevice(chain, s.roots(), late.Add(48*time.Hour), pki.RenewGrace); err != nil {
		t.Errorf("renewing: %v", err)
	}
}

// signed makes a certificate as the issuing authority would, changed by with.
func (s school) signed(t testing.TB, with func(*x509.Certificate)) []*x509.Certificate {
	t.Helper()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(7), NotBefore: noon, NotAfter: noon.Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	with(tmpl)
	der, err := x509.CreateCertificate(rand.Reader, tmpl, s.issuing.Cert, newKey(t).Public(), s.issuing.Key)
	must(t, err)
	leaf, err := x509.ParseCertificate(der)
	must(t, err)
	return []*x509.Certificate{leaf, s.issuing.Cert}
}

func TestACertificateWithoutADeviceInItIsRefused(t *testing.T) {
	s := newSchool(t)
	for _, name := range []string{
		"", "https://device/hill-lane/laptop", "safelight://user/hill-lane/laptop", "safelight://device/",
		"safelight://device/hill-lane", "safelight://device/hill-lane/", "safelight://device//laptop",
	} {
		chain := s.signed(t, func(c *x509.Certificate) {
			if name == "" {
				return
			}
			u, err := url.Parse(name)
			must(t, err)
			c.URIs = []*url.URL{u}
		})
		_, err := pki.VerifyDevice(chain, s.roots(), noon, 0)
		wantUntrusted(t, err, "names no device")
	}
}

func TestACollectorsCertificateIsNoDevices(t *testing.T) {
	s := newSchool(t)
	_, err := pki.VerifyDevice(s.collector(t, "collector.test"), s.roots(), noon, 0)
	wantUntrusted(t, err)
	chain := s.signed(t, func(c *x509.Certificate) { // even one that names a device
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		c.URIs = []*url.URL{{Scheme: "safelight", Host: "device", Path: "/hill-lane/laptop"}}
	})
	_, err = pki.VerifyDevice(chain, s.roots(), noon, 0)
	wantUntrusted(t, err)
}

func TestADevicesCertificateIsNoCollectors(t *testing.T) {
	s := newSchool(t)
	err := pki.VerifyCollector(s.device(t, noon), s.roots(), []string{"laptop"}, noon)
	wantUntrusted(t, err)
}

func TestADeviceCannotCertifyAnother(t *testing.T) {
	s := newSchool(t)
	key := newKey(t)
	leaf, err := s.issuing.SignDevice(key.Public(), laptop, noon)
	must(t, err)
	forged, err := (&pki.CA{Cert: leaf, Key: key}).SignDevice(newKey(t).Public(), laptop, noon)
	must(t, err)
	_, err = pki.VerifyDevice([]*x509.Certificate{forged, leaf, s.issuing.Cert}, s.roots(), noon, 0)
	wantUntrusted(t, err)
}

func TestACollectorOfAnotherNameIsRefused(t *testing.T) {
	s := newSchool(t)
	chain := s.collector(t, "collector.test", "192.0.2.7")
	must(t, pki.VerifyCollector(chain, s.roots(), []string{"192.0.2.7"}, noon))
	must(t, pki.VerifyCollector(chain, s.roots(), []string{"former.test", "collector.test"}, noon))
	wantUntrusted(t, pki.VerifyCollector(chain, s.roots(), []string{"other.test", "192.0.2.8"}, noon), "other.test")
	wantUntrusted(t, pki.VerifyCollector(chain, newSchool(t).roots(), []string{"collector.test"}, noon))
	wantUntrusted(t, pki.VerifyCollector(chain, s.roots(), []string{"collector.test"}, noon.Add(pki.CollectorLife+time.Hour)))
	wantUntrusted(t, pki.VerifyCollector(nil, s.roots(), []string{"collector.test"}, noon))
}

func TestACollectorIsNotTrustedUnderNoName(t *testing.T) {
	s := newSchool(t)
	if err := pki.VerifyCollector(s.collector(t, "collector.test"), s.roots(), nil, noon); err == nil {
		t.Error("a collector was trusted without a name to hold it against")
	}
	if err := pki.VerifyCollector(s.collector(t, "collector.test"), s.roots(), []string{""}, noon); err == nil {
		t.Error("a collector was trusted under an empty name")
	}
}

func TestARequestThatIsDamagedWeakOrHugeIsRefused(t *testing.T) {
	good, err := pki.NewCSR(newKey(t))
	must(t, err)
	_, err = pki.ParseCSR(good)
	must(t, err)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	must(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	must(t, err)
	for name, der := range map[string][]byte{
		"empty":      {},
		"garbage":    []byte("this is no request"),
		"cut":        good[:len(good)-1],
		"other hand": append(append([]byte{}, good[:len(good)-1]...), good[len(good)-1]^1),
		"RSA":        request(t, weak),
		"P-224":      request(t, curve),
		"huge":       make([]byte, 9<<10),
	} {
		if _, err := pki.ParseCSR(der); err == nil {
			t.Errorf("%s: taken", name)
		} else if !strings.Contains(err.Error(), "certificate request") {
			t.Errorf("%s: error %q does not say what it is about", name, err)
		}
	}
}

func request(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := pki.NewCSR(key)
	must(t, err)
	return der
}

func TestBrokenCertificatesAreNamed(t *testing.T) {
	_, err := pki.ParseChain([][]byte{newSchool(t).root.Cert.Raw, {1, 2, 3}})
	wantError(t, err, "parsing certificate 2 of 2")
	path := filepath.Join(t.TempDir(), "a.crt")
	must(t, os.WriteFile(path, []byte("nothing in PEM"), 0o600))
	_, err = pki.LoadCerts(path)
	wantError(t, err, path, "none in it")
	must(t, os.WriteFile(path, []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 0o600))
	_, err = pki.LoadCerts(path)
	wantError(t, err, path)
}
