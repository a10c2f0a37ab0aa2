package enrol

import (
	"crypto"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// Root is the root that tokens are pinned to.
func (a *Authority) Root() *x509.Certificate { return a.snapshot().root.Cert }

// Certificate is the collector's own, leaf first, then what leads to each root
// that a device may trust, and those roots, so that a device can hold one
// against its token.
func (a *Authority) Certificate() tls.Certificate { return a.snapshot().server }

// ConsoleCertificate serves people where a school has not given a certificate
// of its own: the same chain, which their browsers do not know.
func (a *Authority) ConsoleCertificate() tls.Certificate { return a.snapshot().server }

// signDevice certifies a device's key; the chain is what the device shows.
func (a *Authority) signDevice(pub crypto.PublicKey, id pki.Identity, now time.Time) (*x509.Certificate, [][]byte, error) {
	s := a.snapshot()
	leaf, err := s.issuing.SignDevice(pub, id, now)
	if err != nil {
		return nil, nil, err
	}
	return leaf, pki.RawChain(leaf, s.issuing.Cert), nil
}

// verifyDevice says whose certificate a chain is. A device need not have renewed
// since the issuing key was certified by another root: our own certificates of
// that key stand beside those it shows. A certificate is good before it begins: we
// made it, while our clock was ahead or before it fell behind, and a device must
// not be cut off until the clock has caught up. That only ever moves the moment
// forward, so nothing that has ended is good again.
func (a *Authority) verifyDevice(chain []*x509.Certificate, now time.Time, grace time.Duration) (pki.Identity, error) {
	s := a.snapshot()
	for _, c := range chain {
		if c.NotBefore.After(now) {
			now = c.NotBefore
		}
	}
	if len(chain) > 1 {
		chain = append(slices.Clone(chain), s.issuing.Cert)
		chain = append(chain, s.former...)
	}
	id, err := pki.VerifyDevice(chain, s.devices, now, grace)
	if err != nil {
		return id, err
	}
	if slices.ContainsFunc(s.retired, func(c *x509.Certificate) bool { return chain[0].CheckSignatureFrom(c) == nil }) {
		return id, fmt.Errorf("%w: the authority that made it is retired", pki.ErrUntrusted)
	}
	return id, nil
}

// outdated says whether a device should renew now: it shows another issuing
// certificate than the present one.
func (a *Authority) outdated(chain []*x509.Certificate) bool {
	return len(chain) > 1 && !chain[1].Equal(a.snapshot().issuing.Cert)
}

// Trust is what devices are told to trust. Roots are a set: one that is
// announced and one that is not yet retired stand beside the present one.
func (a *Authority) Trust(keys map[string]ed25519.PublicKey) *safelightv1.TrustBundle {
	s := a.snapshot()
	a.mu.Lock()
	to := a.to
	a.mu.Unlock()
	t := &safelightv1.TrustBundle{ServerNames: to.names, Addresses: to.addresses}
	for _, ca := range []*pki.CA{s.root, s.next, s.old} {
		if ca != nil {
			t.RootsDer = append(t.RootsDer, ca.Cert.Raw)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(keys)) { // in order, so that the same trust is the same bytes
		t.PolicyKeys = append(t.PolicyKeys, &safelightv1.PolicyKey{KeyId: id, Ed25519Public: keys[id]})
	}
	return t
}

// openServer reads the collector's certificate or makes it anew.
func (a *Authority) openServer(s snapshot, now time.Time) (tls.Certificate, error) {
	base := a.path("collector")
	key, err := pki.LoadOrMakeKey(base+".key", pki.NewKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	certs, err := pki.LoadCerts(base + ".crt")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return tls.Certificate{}, err
	}
	if err != nil || !serves(certs[0], key.Public(), s.issuing.Cert, a.names, now) {
		leaf, err := s.issuing.SignCollector(key.Public(), a.names, now)
		if err != nil {
			return tls.Certificate{}, err
		}
		certs = []*x509.Certificate{leaf}
		if err := pki.WriteSecret(base+".crt", pki.EncodeCerts(s.serverChain(leaf)...)); err != nil {
			return tls.Certificate{}, err
		}
	}
	return tls.Certificate{Certificate: pki.RawChain(s.serverChain(certs[0])...), PrivateKey: key, Leaf: certs[0]}, nil
}

// serverChain leads from the leaf to every root that devices may trust: those
// that have not yet heard of the new one find the way to the old.
func (s snapshot) serverChain(leaf *x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf, s.issuing.Cert}
	if s.cross != nil {
		chain = append(chain, s.cross, s.old.Cert)
	}
	return append(chain, s.root.Cert)
}

// serves says whether a certificate is still the one to show: ours, for this key
// and all the names, and with a third of its life left.
func serves(leaf *x509.Certificate, pub crypto.PublicKey, issuer *x509.Certificate, names []string, now time.Time) bool {
	if !samePublic(leaf.PublicKey, pub) || leaf.CheckSignatureFrom(issuer) != nil || now.After(leaf.NotAfter.Add(-pki.CollectorLife/3)) {
		return false
	}
	return !slices.ContainsFunc(names, func(n string) bool { return leaf.VerifyHostname(n) != nil })
}
