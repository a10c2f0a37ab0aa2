package server

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"safelight/internal/pki"
)

// browserKey is what the console seals the cookies of known browsers with. Losing
// it makes every browser an unknown one, and no more.
func browserKey(dir string) ([]byte, error) {
	path := filepath.Join(dir, "browsers.key")
	key, err := pki.ReadSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, 32)
		rand.Read(key) // never fails: it ends the program instead
		return key, pki.WriteSecret(path, key)
	}
	if err == nil && len(key) != 32 {
		err = fmt.Errorf("reading %s: %d bytes, want 32; remove it and a new one is made", path, len(key))
	}
	return key, err
}
