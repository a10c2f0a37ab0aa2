package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"
)

// Saved says what Save wrote.
type Saved struct {
	Bytes    int64
	SHA256   string // of the file as it lies on disk
	Manifest Manifest
}

// Save writes a backup that fetch provides to path, whole or not at all, and
// proves it before it gets its name: read back from disk, decrypted with key
// (an identity of this moment, to which the backup was encrypted too), every
// digest compared.
func Save(path string, key age.Identity, of int64, fetch io.Reader, progress Progress) (_ Saved, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // only its owner can read it
	if err != nil {
		return Saved{}, fmt.Errorf("writing backup: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreClosed(f.Close()), os.Remove(f.Name()))
		}
	}()
	in := &counted{r: fetch, digest: sha256.New(), each: func(n int64) { progress(n, of) }}
	if _, err := io.Copy(f, in); err != nil {
		if in.err != nil {
			return Saved{}, in.err
		}
		return Saved{}, fmt.Errorf("writing backup: %w; nothing was left behind", err)
	}
	if err := f.Sync(); err != nil {
		return Saved{}, fmt.Errorf("writing backup: %w; nothing was left behind", err)
	}
	written := in.digest.Sum(nil)
	m, read, err := prove(f, key)
	if err != nil {
		return Saved{}, fmt.Errorf("reading the backup back: %w", err)
	}
	if hex.EncodeToString(written) != read {
		return Saved{}, errors.New("reading the backup back: the disk returned other bytes than were written; use another disk")
	}
	if err := f.Close(); err != nil {
		return Saved{}, fmt.Errorf("writing backup: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return Saved{}, fmt.Errorf("writing backup: %w", err)
	}
	return Saved{Bytes: in.n, SHA256: read, Manifest: m}, nil
}

// prove reads the whole file again.
func prove(f *os.File, key age.Identity) (Manifest, string, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return Manifest{}, "", err
	}
	forgetCached(f)
	in := &counted{r: f, digest: sha256.New()}
	m, err := Verify(in, key)
	return m, hex.EncodeToString(in.digest.Sum(nil)), err
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
