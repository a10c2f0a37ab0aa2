package backup

import (
	"bufio"
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
	"time"

	"filippo.io/age"

	"safelight/internal/localstate"
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

// Version orders the keyrings of one collector: by epoch, which each erasure
// begins anew, and within one by when they were taken.
type Version struct {
	Epoch int64
	Taken time.Time
}

func (v Version) after(other Version) bool {
	return v.Epoch > other.Epoch || v.Epoch == other.Epoch && v.Taken.After(other.Taken)
}

// versionLine stands, readable, before the encrypted keyring. One written by a
// version of this program before it has none.
const versionLine = "safelight-keyring %d %d\n"

// SealKeyring encrypts a keyring to the folder's recovery key, and names the file
// that it goes into.
func SealKeyring(dir string, v Version, plain []byte) (name string, sealed []byte, err error) {
	recovery, err := ReadPublic(dir)
	if err != nil {
		return "", nil, err
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, versionLine, v.Epoch, v.Taken.UnixMicro())
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

// takeVersion reads the line before a keyring, where there is one.
func takeVersion(r *bufio.Reader) (v Version) {
	start, _ := r.Peek(len("safelight-keyring "))
	if string(start) != "safelight-keyring " {
		return v
	}
	line, _ := r.ReadSlice('\n')
	var taken int64
	if n, _ := fmt.Sscanf(string(line), versionLine, &v.Epoch, &taken); n == 2 {
		v.Taken = time.UnixMicro(taken)
	}
	return v
}

// ErrNewer says that a newer keyring lies where one was to be written.
var ErrNewer = errors.New("a newer keyring lies there already: if this collector was restored without it, or its clock was wrong, move that one away first")

// WriteKeyring puts a sealed keyring into a folder, in place of the one before,
// whose bytes are overwritten. At every moment one of the two is there, under the
// keyring's name or, on a disk without hard links, beside it until the next call.
// A newer one stays (ErrNewer); one writes at a time (localstate.ErrInUse).
func WriteKeyring(folder, name string, sealed []byte) (path string, err error) {
	path = filepath.Join(folder, name)
	if err := replaceKeyring(path, sealed); err != nil {
		return "", fmt.Errorf("writing the keyring %s: %w", path, err)
	}
	return path, nil
}

func formerKeyring(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".former")
}

func replaceKeyring(path string, sealed []byte) error {
	unlock, err := localstate.LockFile(filepath.Join(filepath.Dir(path), ".lock-"+filepath.Base(path)))
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) { // killed in putAside, or the first
		if err := os.Rename(formerKeyring(path), path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := pki.ShredLeft(path); err != nil {
		return err
	}
	there, err := keyringVersion(path)
	if err != nil {
		return err
	}
	if there.after(takeVersion(bufio.NewReader(bytes.NewReader(sealed)))) {
		return ErrNewer
	}
	if err := putAside(path, sealed); err != nil {
		return errors.Join(err, pki.ShredLeft(path))
	}
	return pki.ShredLeft(path)
}

func keyringVersion(path string) (Version, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Version{}, nil
	}
	if err != nil {
		return Version{}, err
	}
	defer f.Close()
	return takeVersion(bufio.NewReader(f)), nil
}

// putAside writes the new file, and gives the former one another name under which
// it can be overwritten.
func putAside(path string, sealed []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // only its owner can read it
	if err != nil {
		return err
	}
	_, err = f.Write(sealed)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	former := formerKeyring(path)
	moved := false
	if err := os.Link(path, former); err != nil && !errors.Is(err, fs.ErrNotExist) { // a disk without hard links
		if err := os.Rename(path, former); err != nil {
			return err
		}
		moved = true
	}
	if err := os.Rename(f.Name(), path); err != nil {
		if moved {
			err = errors.Join(err, os.Rename(former, path))
		}
		return err
	}
	return pki.SyncFolder(filepath.Dir(path))
}

// FindKeyring is where the keyring lies beside a backup, by the recovery key that
// opens both.
func FindKeyring(backup string, key age.Identity) string {
	id, ok := key.(*age.X25519Identity)
	if !ok {
		return ""
	}
	path := filepath.Join(filepath.Dir(backup), keyringName(id.Recipient().String()))
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(formerKeyring(path)); err == nil {
			return formerKeyring(path) // replacing it was cut short
		}
	}
	return path
}

// OpenKeyring decrypts a keyring.
func OpenKeyring(path string, key age.Identity) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the keyring: %w", err)
	}
	defer f.Close()
	buffered := bufio.NewReader(f)
	takeVersion(buffered)
	r, err := age.Decrypt(buffered, key)
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
