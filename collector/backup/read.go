package backup

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"filippo.io/age"
)

// maxManifest bounds what is held in memory of a backup.
const maxManifest = 16 << 20

// keep takes one file of a backup as it is read. It must read all of it.
type keep func(name string, size int64, content io.Reader) error

// Verify reads a backup from its first byte to its last and compares every
// file with the manifest.
func Verify(r io.Reader, key age.Identity) (Manifest, error) {
	return read(r, key, func(_ string, _ int64, content io.Reader) error {
		_, err := io.Copy(io.Discard, content)
		return err
	})
}

func read(r io.Reader, key age.Identity, keep keep) (Manifest, error) {
	plain, err := age.Decrypt(r, key)
	if err != nil {
		return Manifest{}, opening(err)
	}
	s := scan{archive: tar.NewReader(plain), found: map[string]File{}}
	m, err := s.all(keep)
	if err != nil {
		return Manifest{}, err
	}
	// To the very end: the last piece's seal is only looked at there.
	if _, err := io.Copy(io.Discard, plain); err != nil {
		return Manifest{}, damaged(err)
	}
	return m, s.compare(m)
}

func opening(err error) error {
	var other *age.NoIdentityMatchError
	if errors.As(err, &other) {
		return errors.New("this recovery key does not open it: it was encrypted to another key (look for the recovery.txt of the collector that wrote it), or its beginning is damaged")
	}
	return fmt.Errorf("it is not a backup, or its beginning is damaged: %w; use another copy", err)
}

func damaged(err error) error {
	return fmt.Errorf("it is damaged or cut short: %w; use another copy", err)
}

// scan is one reading of a backup.
type scan struct {
	archive *tar.Reader
	found   map[string]File
}

func (s *scan) all(keep keep) (Manifest, error) {
	for {
		h, err := s.archive.Next()
		if errors.Is(err, io.EOF) {
			return Manifest{}, damaged(errors.New("it has no manifest"))
		}
		if err != nil {
			return Manifest{}, damaged(err)
		}
		if h.Name == manifestName {
			return s.manifest(h)
		}
		if err := s.one(h, keep); err != nil {
			return Manifest{}, err
		}
	}
}

func (s *scan) one(h *tar.Header, keep keep) error {
	_, twice := s.found[h.Name]
	if h.Typeflag != tar.TypeReg || !filepath.IsLocal(filepath.FromSlash(h.Name)) || h.Name == "." || twice {
		return fmt.Errorf("it holds %q, which no backup of ours would: do not trust it", h.Name)
	}
	content := &counted{r: s.archive, digest: sha256.New()}
	if err := keep(h.Name, h.Size, content); err != nil {
		if content.err != nil {
			return damaged(content.err)
		}
		return err
	}
	s.found[h.Name] = File{Name: h.Name, Size: content.n, SHA256: hex.EncodeToString(content.digest.Sum(nil))}
	return nil
}

func (s *scan) manifest(h *tar.Header) (m Manifest, err error) {
	if h.Size > maxManifest {
		return m, fmt.Errorf("its manifest is %d bytes long, %d the most: do not trust it", h.Size, maxManifest)
	}
	text, err := io.ReadAll(s.archive)
	if err != nil {
		return m, damaged(err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("reading its manifest: %w", err)
	}
	if m.Format > format {
		return m, fmt.Errorf("its format is %d and this program reads up to %d: use the version that wrote it, %s", m.Format, format, m.Version)
	}
	return m, nil
}

// compare holds what was found against the manifest.
func (s *scan) compare(m Manifest) error {
	for _, want := range m.Files {
		got, ok := s.found[want.Name]
		if !ok {
			return fmt.Errorf("it lacks %s, which its manifest names: use another copy", want.Name)
		}
		if got != want {
			return fmt.Errorf("%s in it is not what its manifest says: use another copy", want.Name)
		}
		delete(s.found, want.Name)
	}
	for name := range s.found {
		return fmt.Errorf("it holds %s, which its manifest does not name: do not trust it", name)
	}
	return nil
}
