package enrol

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"safelight/internal/pki"
)

// AnnounceRoot makes the next root and hands it out beside the present one. It
// signs nothing until UseRoot.
func (a *Authority) AnnounceRoot(now time.Time) error {
	s := a.snapshot()
	switch {
	case s.next != nil:
		return errors.New("announcing a root: one is announced already; `key rotate root --use` brings it into use")
	case s.old != nil:
		return errors.New("announcing a root: the one before is not retired yet; `key rotate root --retire` first")
	}
	key, err := pki.LoadOrMakeKey(a.path("root-next.key"), pki.NewKey)
	if err != nil {
		return fmt.Errorf("announcing a root: %w", err)
	}
	ca, err := pki.NewRoot(a.school, key, now)
	if err != nil {
		return fmt.Errorf("announcing a root: %w", err)
	}
	if err := a.write("root-next.crt", pki.EncodeCerts(ca.Cert)); err != nil {
		return fmt.Errorf("announcing a root: %w", err)
	}
	return a.Refresh(now)
}

// UseRoot has the announced root certify the issuing key. The old root's
// certificate of the same key stays in the collector's chain, so that a device
// which never heard of the new root still finds its way. The issuing certificate
// decides which root is in use: whatever comes after it is finished at the next
// opening (finishRotation).
func (a *Authority) UseRoot(now time.Time) error {
	s := a.snapshot()
	if s.next == nil || s.next.Key == nil {
		return errors.New("using the next root: none is announced; `key rotate root` announces one")
	}
	issuing, err := s.next.NewIssuing(s.issuing.Key, now)
	if err != nil {
		return fmt.Errorf("using the next root: %w", err)
	}
	if err := errors.Join(
		a.copy("root.key", "root-old.key"),
		a.copy("issuing.crt", "issuing-cross.crt"),
		a.copy("root.crt", "root-old.crt"),
	); err != nil {
		return fmt.Errorf("using the next root: %w", err)
	}
	if err := a.write("issuing.crt", pki.EncodeCerts(issuing.Cert)); err != nil {
		return fmt.Errorf("using the next root: %w", err)
	}
	return a.Refresh(now)
}

// RetireRoot stops trusting the root before: a device that has not heard of the
// new one since is cut off and must enrol again.
func (a *Authority) RetireRoot(now time.Time) error {
	if a.snapshot().old == nil {
		return errors.New("retiring a root: only one is trusted")
	}
	for _, name := range []string{"issuing-cross.crt", "root-old.crt", "root-old.key"} {
		if err := os.Remove(a.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("retiring a root: %w", err)
		}
	}
	return a.Refresh(now)
}

// RotateIssuing makes a new issuing key under the present root. What the one
// before signed is good until RetireIssuing.
func (a *Authority) RotateIssuing(now time.Time) error {
	s := a.snapshot()
	if s.root.Key == nil {
		return errors.New("making a new issuing authority: the root key is offline; bring root.key back for it")
	}
	key, err := pki.NewKey()
	if err != nil {
		return fmt.Errorf("making a new issuing authority: %w", err)
	}
	next, err := s.root.NewIssuing(key, now)
	if err != nil {
		return fmt.Errorf("making a new issuing authority: %w", err)
	}
	if err := a.crossSign(s, next, now); err != nil {
		return fmt.Errorf("making a new issuing authority: %w", err)
	}
	former := append(slices.Clone(s.former), s.issuing.Cert)
	if err := errors.Join(
		a.write("issuing-old.crt", pki.EncodeCerts(former...)),
		removeStale(a.path("issuing-next.key")),
		pki.SaveKey(a.path("issuing-next.key"), key), // counts for nothing without its certificate
		a.write("issuing-next.crt", pki.EncodeCerts(next.Cert)),
	); err != nil {
		return fmt.Errorf("making a new issuing authority: %w", err)
	}
	return a.Refresh(now) // puts it into place
}

// crossSign keeps the way open to a root that is not retired yet.
func (a *Authority) crossSign(s snapshot, next *pki.CA, now time.Time) error {
	switch {
	case s.old == nil:
		return nil
	case s.old.Key == nil:
		return errors.New("the former root is not retired and its key is offline; retire it first, or bring root-old.key back")
	}
	cross, err := s.old.NewIssuing(next.Key, now)
	if err != nil {
		return err
	}
	certs := []*x509.Certificate{cross.Cert}
	if s.cross != nil {
		certs = append(certs, s.cross) // of the key that is in use until the end
	}
	return a.write("issuing-cross.crt", pki.EncodeCerts(certs...))
}

// RetireIssuing refuses what former issuing keys signed.
func (a *Authority) RetireIssuing(now time.Time) error {
	s := a.snapshot()
	if len(s.former) == 0 {
		return errors.New("retiring an issuing authority: there is none but the present one")
	}
	retired := slices.DeleteFunc(append(slices.Clone(s.retired), s.former...), func(c *x509.Certificate) bool {
		return samePublic(c.PublicKey, s.issuing.Cert.PublicKey) // never the key in use
	})
	if err := a.write("issuing-retired.crt", pki.EncodeCerts(retired...)); err != nil {
		return fmt.Errorf("retiring an issuing authority: %w", err)
	}
	if err := os.Remove(a.path("issuing-old.crt")); err != nil {
		return fmt.Errorf("retiring an issuing authority: %w", err)
	}
	return a.Refresh(now)
}

// IssuingKey is the public part of the key that now signs devices.
func (a *Authority) IssuingKey() crypto.PublicKey { return a.snapshot().issuing.Cert.PublicKey }

// IssuingSince is when the present issuing certificate was made: a device whose
// certificate is younger has renewed since the last change of root or issuing.
func (a *Authority) IssuingSince() time.Time { return pki.Made(a.snapshot().issuing.Cert) }

// finishRotation puts into place what a rotation had ready when it, or the
// program, ended. An issuing authority is ready when its certificate is written.
func (a *Authority) finishRotation() error {
	if _, err := os.Stat(a.path("issuing-next.crt")); err == nil {
		if err := a.move("issuing-next.key", "issuing.key"); err != nil {
			return err
		}
		if err := a.move("issuing-next.crt", "issuing.crt"); err != nil {
			return err
		}
	}
	next, err := maybeCerts(a.path("root-next.crt"))
	if err != nil || next == nil {
		return err
	}
	issuing, err := maybeCerts(a.path("issuing.crt"))
	if err != nil || issuing == nil || issuing[0].CheckSignatureFrom(next[0]) != nil {
		return err
	}
	if err := a.move("root-next.key", "root.key"); err != nil {
		return err
	}
	return a.move("root-next.crt", "root.crt")
}

// Every change of a file goes through these three, so that a test can end the
// program before any of them.

func (a *Authority) write(name string, data []byte) error {
	a.step()
	return pki.WriteSecret(a.path(name), data)
}

// move is a rename that may have happened before: beside a certificate that is
// still there, a key that is gone was moved.
func (a *Authority) move(from, to string) error {
	a.step()
	if err := os.Rename(a.path(from), a.path(to)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (a *Authority) copy(from, to string) error {
	data, err := os.ReadFile(a.path(from))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a key that is offline
	}
	if err != nil {
		return err
	}
	return a.write(to, data)
}

func removeStale(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
