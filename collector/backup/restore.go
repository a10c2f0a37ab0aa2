package backup

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"

	"safelight/internal/pki"
)

// small is up to which size a file is written as the key files are.
const small = 1 << 20

// Restore lays a backup down in dir, which is there and empty, except the file
// named last: its content is returned, for the caller to write once everything
// else is right, so that a folder half restored is not taken for a whole one.
// Where it fails, dir is left empty.
func Restore(dir, last string, key age.Identity, from io.Reader, of int64, progress Progress) (m Manifest, content []byte, err error) {
	if err := empty(dir); err != nil {
		return m, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, emptyAgain(dir))
		}
	}()
	in := &counted{r: from, digest: sha256.New(), each: func(n int64) { progress(n, of) }}
	m, err = read(in, key, func(name string, size int64, r io.Reader) error {
		if name == last {
			content, err = io.ReadAll(io.LimitReader(r, small))
			return err
		}
		return lay(filepath.Join(dir, filepath.FromSlash(name)), size, r)
	})
	return m, content, err
}

func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking into %s: %w", dir, err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty (there is %s): a backup is restored into a fresh folder only", dir, entries[0].Name())
	}
	return nil
}

// emptyAgain empties a folder that only Restore has written to.
func emptyAgain(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return errors.Join(errs...)
}

// lay writes one file, which only its owner can read, durably.
func lay(path string, size int64, r io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if size <= small {
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		return pki.WriteSecret(path, data)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Discard empties a folder that Restore laid a backup down in, where something
// after it failed.
func Discard(dir string) error { return emptyAgain(dir) }
