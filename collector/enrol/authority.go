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
	"sync"
	"time"

	"safelight/internal/pki"
)

// ServerName is a name that every collector's certificate carries, so that a
// device's trust does not hang on the host names a school uses today.
const ServerName = "collector.safelight.internal"

// Authority is the collector's own keys and certificates, read from its folder:
//
//	root.crt, root.key          the root; its key may be offline
//	root-next.crt, .key         a root that is announced and signs nothing yet
//	root-old.crt, .key          the root before, trusted until it is retired
//	issuing.crt, issuing.key    what signs devices and collectors
//	issuing-cross.crt           the same key, certified by the root before
//	issuing-old.crt             issuing authorities of before, until retired
//	issuing-retired.crt         those whose devices are refused
//	collector.crt, .key         what this collector shows
//
// A rotation changes the files so that the program can be killed between any
// two of them, and takes over what they then say (see rotate.go).
type Authority struct {
	dir, school string
	names       []string // that the collector's certificate carries
	step        func()   // called before each change of a file in a rotation; for tests

	mu  sync.Mutex // guards the two below
	now snapshot
	to  handout
}

// handout is what devices are told besides the roots and the policy keys.
type handout struct{ names, addresses []string }

// snapshot is the folder as it was read; it is replaced, never changed.
type snapshot struct {
	root, next, old *pki.CA // next and old may be nil
	issuing         *pki.CA
	cross           *x509.Certificate
	former          []*x509.Certificate // issuing
	retired         []*x509.Certificate // issuing
	server          tls.Certificate
	devices         *x509.CertPool // roots that device certificates may lead to
}

// OpenAuthority reads the authority under dir, and makes what is missing: root,
// issuing, and the collector's own certificate, which is remade when it no
// longer carries all of names or has under a third of its life left.
func OpenAuthority(dir, school string, names []string, now time.Time) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making certificate folder: %w", err)
	}
	a := &Authority{dir: dir, school: school, names: append([]string{ServerName}, names...), to: handout{names: []string{ServerName}}, step: func() {}}
	return a, a.Refresh(now)
}

// HandOut sets the names and addresses that devices are told; without any, they
// hold the collector against ServerName and call where they always did.
func (a *Authority) HandOut(names, addresses []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(names) == 0 {
		names = []string{ServerName}
	}
	a.to = handout{names, addresses}
}

// Refresh reads the folder anew and renews what has under a third of its life
// left. Where that fails, what was read before stays.
func (a *Authority) Refresh(now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, err := a.load(now)
	if err != nil {
		return err
	}
	a.now = s
	return nil
}

func (a *Authority) snapshot() snapshot {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now
}

func (a *Authority) path(name string) string { return filepath.Join(a.dir, name) }

func (a *Authority) load(now time.Time) (s snapshot, err error) {
	if err := a.finishRotation(); err != nil {
		return s, fmt.Errorf("finishing a change of keys: %w", err)
	}
	if s.root, err = openCA(a.path("root"), func(key crypto.Signer) (*pki.CA, error) { return pki.NewRoot(a.school, key, now) }); err != nil {
		return s, fmt.Errorf("opening root authority: %w", err)
	}
	if s.issuing, err = a.openIssuing(s.root, now); err != nil {
		return s, fmt.Errorf("opening issuing authority: %w", err)
	}
	if s.next, err = maybeCA(a.path("root-next")); err != nil {
		return s, fmt.Errorf("opening the next root: %w", err)
	}
	if s.old, err = maybeCA(a.path("root-old")); err != nil {
		return s, fmt.Errorf("opening the former root: %w", err)
	}
	if err := a.loadLists(&s); err != nil {
		return s, err
	}
	s.devices = pki.Pool(s.root.Cert)
	if s.old != nil {
		s.devices.AddCert(s.old.Cert)
	}
	if s.server, err = a.openServer(s, now); err != nil {
		return s, fmt.Errorf("opening the collector's certificate: %w", err)
	}
	return s, nil
}

func (a *Authority) loadLists(s *snapshot) (err error) {
	cross, err := maybeCerts(a.path("issuing-cross.crt"))
	if err != nil {
		return err
	}
	for _, c := range cross {
		if s.old != nil && s.cross == nil && samePublic(c.PublicKey, s.issuing.Cert.PublicKey) {
			s.cross = c
		}
	}
	if s.former, err = maybeCerts(a.path("issuing-old.crt")); err != nil {
		return err
	}
	s.retired, err = maybeCerts(a.path("issuing-retired.crt"))
	return err
}

func (a *Authority) openIssuing(root *pki.CA, now time.Time) (*pki.CA, error) {
	issuing, err := openCA(a.path("issuing"), func(key crypto.Signer) (*pki.CA, error) {
		if root.Key == nil {
			return nil, errors.New("the root key is offline; bring root.key back to make a new issuing authority")
		}
		return root.NewIssuing(key, now)
	})
	if err != nil {
		return nil, err
	}
	if issuing.Key == nil {
		return nil, fmt.Errorf("%s is missing; restore it from a backup", a.path("issuing.key"))
	}
	if issuing.Cert.CheckSignatureFrom(root.Cert) != nil {
		return nil, fmt.Errorf("%s is not from the root beside it; restore both from one backup", a.path("issuing.crt"))
	}
	return renewIssuing(a.path("issuing.crt"), root, issuing, now)
}

// openCA reads base.crt and base.key. A root's key may be offline: then Key is nil.
func openCA(base string, create func(crypto.Signer) (*pki.CA, error)) (*pki.CA, error) {
	if ca, err := maybeCA(base); ca != nil || err != nil {
		return ca, err
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

// maybeCA reads an authority that need not be there.
func maybeCA(base string) (*pki.CA, error) {
	certs, err := maybeCerts(base + ".crt")
	if err != nil || certs == nil {
		return nil, err
	}
	ca := &pki.CA{Cert: certs[0]}
	ca.Key, err = pki.LoadKey(base + ".key")
	if errors.Is(err, fs.ErrNotExist) {
		return ca, nil
	}
	if err == nil && !samePublic(ca.Cert.PublicKey, ca.Key.Public()) {
		return nil, fmt.Errorf("%s.key is not the key of %s.crt; restore both from one backup", base, base)
	}
	return ca, err
}

func maybeCerts(path string) ([]*x509.Certificate, error) {
	certs, err := pki.LoadCerts(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return certs, err
}

func samePublic(a, b crypto.PublicKey) bool {
	own, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && own.Equal(b)
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
