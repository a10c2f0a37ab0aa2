package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"

	"safelight/internal/pki"
)

// PlacesFile lists, in the state folder, where copies of the keyring lie.
const PlacesFile = "keyring-places.txt"

// maxKeyring bounds what is read of a keyring: a million subjects.
const maxKeyring = 128 << 20

// Identity is the private half of a recovery key.
type Identity = age.Identity

// keyringName is one name a school, so that a newer keyring replaces an older one
// and two schools' lie side by side.
func keyringName(recovery string) string {
	sum := sha256.Sum256([]byte(recovery))
	return "keyring-" + hex.EncodeToString(sum[:4]) + ".safelight-keyring"
}

// SealKeyring encrypts a keyring to the folder's recovery key, and names the file
// that it goes into.
func SealKeyring(dir string, plain []byte) (name string, sealed []byte, err error) {
	recovery, err := ReadPublic(dir)
	if err != nil {
		return "", nil, err
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, recovery)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", nil, fmt.Errorf("encrypting the keyring: %w", err)
	}
	return keyringName(fmt.Sprint(recovery)), out.Bytes(), nil
}

// WriteKeyring puts a sealed keyring into a folder, in place of the one before,
// whose bytes are overwritten.
func WriteKeyring(folder, name string, sealed []byte) (path string, err error) {
	path = filepath.Join(folder, name)
	former := filepath.Join(folder, "."+name+".former")
	if err := putAside(path, former, sealed); err != nil {
		return "", fmt.Errorf("writing the keyring %s: %w", path, err)
	}
	if err := pki.Shred(former); err != nil {
		return "", fmt.Errorf("writing the keyring %s: the one before it is still there: %w", path, err)
	}
	return path, nil
}

func putAside(path, former string, sealed []byte) (err error) {
	if err := pki.Shred(former); err != nil { // of a time that was cut short
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // only its owner can read it
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreClosed(f.Close()), os.Remove(f.Name()))
		}
	}()
	if _, err := f.Write(sealed); err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path, former); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(f.Name(), path)
}

// FindKeyring is where the keyring lies beside a backup, by the recovery key that
// opens both.
func FindKeyring(backup string, key age.Identity) string {
	id, ok := key.(*age.X25519Identity)
	if !ok {
		return ""
	}
	return filepath.Join(filepath.Dir(backup), keyringName(id.Recipient().String()))
}

// OpenKeyring decrypts a keyring.
func OpenKeyring(path string, key age.Identity) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the keyring: %w", err)
	}
	defer f.Close()
	r, err := age.Decrypt(f, key)
	if err != nil {
		return nil, fmt.Errorf("reading the keyring %s: %w", path, opening(err))
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxKeyring))
	if err != nil {
		return nil, fmt.Errorf("reading the keyring %s: %w", path, damaged(err))
	}
	return plain, nil
}

// Places lists the folders in which copies of the keyring were put.
func Places(dir string) ([]string, error) {
	data, err := os.ReadFile(filepath.Join(dir, PlacesFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading where keyrings lie: %w", err)
	}
	return strings.FieldsFunc(string(data), func(r rune) bool { return r == '\n' }), nil
}

// AddPlace remembers one more.
func AddPlace(dir, place string) error {
	if strings.ContainsRune(place, '\n') || !filepath.IsAbs(place) {
		return fmt.Errorf("remembering where the keyring lies: %q: want a folder's whole path", place)
	}
	places, err := Places(dir)
	if err != nil || slices.Contains(places, place) {
		return err
	}
	return pki.WriteSecret(filepath.Join(dir, PlacesFile), []byte(strings.Join(append(places, place), "\n")+"\n"))
}
