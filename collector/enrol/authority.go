// Package enrol is the collector's gate: it keeps the certificate authority,
// admits devices by token, renews their certificates, and decides for every
// connection and every call whose device it is (default deny). Only
// collector/server builds it; ingest and watch learn the device from DeviceFrom.
package enrol

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"safelight/internal/pki"
)

// ServerName is a name that every collector's certificate carries, so that a
// device's trust does not hang on the host names a school uses today.
const ServerName = "collector.safelight.internal"

// Authority is the collector's own keys and certificates, read from its folder.
type Authority struct {
	Root    *x509.Certificate
	issuing *pki.CA
	server  tls.Certificate
}

// OpenAuthority reads the authority under dir, and makes what is missing: root,
// issuing, and the collector's own certificate, which is remade when it no
// longer carries all of names or has under a third of its life left.
func OpenAuthority(dir, school string, names []string, now time.Time) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making certificate folder: %w", err)
	}
	root, err := openCA(filepath.Join(dir, "root"), func(key crypto.Signer) (*pki.CA, error) { return pki.NewRoot(school, key, now) })
	if err != nil {
		return nil, fmt.Errorf("opening root authority: %w", err)
	}
	issuing, err := openCA(filepath.Join(dir, "issuing"), func(key crypto.Signer) (*pki.CA, error) {
		if root.Key == nil {
			return nil, errors.New("the root key is offline; bring root.key back to make a new issuing authority")
		}
		return root.NewIssuing(key, now)
	})
	if err != nil {
		return nil, fmt.Errorf("opening issuing authority: %w", err)
	}
	if issuing.Key == nil {
		return nil, fmt.Errorf("opening issuing authority: %s is missing; restore it from a backup", filepath.Join(dir, "issuing.key"))
	}
	if issuing.Cert.CheckSignatureFrom(root.Cert) != nil {
		return nil, fmt.Errorf("opening issuing authority: %s is not from the root beside it; restore both from one backup", filepath.Join(dir, "issuing.crt"))
	}
	if issuing, err = renewIssuing(filepath.Join(dir, "issuing.crt"), root, issuing, now); err != nil {
		return nil, fmt.Errorf("opening issuing authority: %w", err)
	}
	a := &Authority{Root: root.Cert, issuing: issuing}
	if a.server, err = a.openServer(filepath.Join(dir, "collector"), append([]string{ServerName}, names...), now); err != nil {
		return nil, fmt.Errorf("opening the collector's certificate: %w", err)
	}
	return a, nil
}

// openCA reads base.crt and base.key. A root's key may be offline: then Key is nil.
func openCA(base string, create func(crypto.Signer) (*pki.CA, error)) (*pki.CA, error) {
	certs, err := pki.LoadCerts(base + ".crt")
	if err == nil {
		ca := &pki.CA{Cert: certs[0]}
		ca.Key, err = pki.LoadKey(base + ".key")
		if errors.Is(err, fs.ErrNotExist) {
			return ca, nil
		}
		return ca, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key, err := pki.LoadOrMakeKey(base+".key", pki.NewKey)
	if err != nil {
		return nil, err
	}
	ca, err := create(key)
	if err != nil {
		return nil, err
	}
	return ca, pki.WriteSecret(base+".crt", pki.EncodeCerts(ca.Cert))
}

// renewIssuing certifies the issuing key anew when a third of its life is left.
// What it signed before stays good: the key is the same. With the root's key
// offline it goes on as it is, to its end.
func renewIssuing(path string, root, issuing *pki.CA, now time.Time) (*pki.CA, error) {
	switch end := issuing.Cert.NotAfter; {
	case now.Before(end.Add(-pki.IssuingLife / 3)), root.Key == nil && now.Before(end):
		return issuing, nil
	case root.Key == nil:
		return nil, fmt.Errorf("it ended on %s and the root key is offline; bring root.key back to renew it", end.UTC().Format(time.DateOnly))
	}
	renewed, err := root.NewIssuing(issuing.Key, now)
	if err != nil {
		return nil, err
	}
	return renewed, pki.WriteSecret(path, pki.EncodeCerts(renewed.Cert))
}

func (a *Authority) openServer(base string, names []string, now time.Time) (tls.Certificate, error) {
	key, err := pki.LoadOrMakeKey(base+".key", pki.NewKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	certs, err := pki.LoadCerts(base + ".crt")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return tls.Certificate{}, err
	}
	if err != nil || !serves(certs[0], key.Public(), a.issuing.Cert, names, now) {
		leaf, err := a.issuing.SignCollector(key.Public(), names, now)
		if err != nil {
			return tls.Certificate{}, err
		}
		certs = []*x509.Certificate{leaf, a.issuing.Cert, a.Root}
		if err := pki.WriteSecret(base+".crt", pki.EncodeCerts(certs...)); err != nil {
			return tls.Certificate{}, err
		}
	}
	return tls.Certificate{Certificate: pki.RawChain(certs...), PrivateKey: key, Leaf: certs[0]}, nil
}

// serves says whether a certificate is still the one to show: ours, for this key
// and all the names, and with a third of its life left.
func serves(leaf *x509.Certificate, pub crypto.PublicKey, issuer *x509.Certificate, names []string, now time.Time) bool {
	own, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !own.Equal(pub) {
		return false
	}
	if leaf.CheckSignatureFrom(issuer) != nil || now.After(leaf.NotAfter.Add(-pki.CollectorLife/3)) {
		return false
	}
	return !slices.ContainsFunc(names, func(n string) bool { return leaf.VerifyHostname(n) != nil })
}

// Certificate is the collector's own, leaf first and the root last, so that a
// device can hold the root against its token.
func (a *Authority) Certificate() tls.Certificate { return a.server }

// ConsoleCertificate serves people where a school has not given a certificate
// of its own: the same chain, which their browsers do not know.
func (a *Authority) ConsoleCertificate() tls.Certificate { return a.server }
