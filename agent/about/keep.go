package about

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"safelight/internal/notice"
	"safelight/internal/pki"
)

// The files that are kept. What else a collector names is left alone: a later one
// may have more.
const (
	textFile    = "about.txt"
	pageFile    = "about.html"
	addressFile = "address"
	noteFile    = "for-it.txt" // not of the page: what IT should know of this device
)

// maxBytes bounds a file: the page is a dozen kilobytes.
const maxBytes = 256 << 10

// Fetch writes a file that the collector names by its SHA-256 to `to`.
type Fetch = func(ctx context.Context, sha256 []byte, offset int64, to io.Writer) error

// Keeper keeps the copy. Its methods may be called by several goroutines.
type Keeper struct {
	own, public string

	taking sync.Mutex // held over Take: a fetch may last as long as the line is slow
	mu     sync.Mutex // held over what is written and read: Lay waits for no fetch
}

// NewKeeper keeps its own copy under own, which only the agent may enter, and
// everybody's under public. It writes nothing yet.
func NewKeeper(own, public string) *Keeper { return &Keeper{own: own, public: public} }

// Public is everybody's folder.
func (k *Keeper) Public() string { return k.public }

// Take brings the page that args describe to the device: "address", and the SHA-256
// of each file in hex. What is there already is not fetched again.
func (k *Keeper) Take(ctx context.Context, args map[string]string, fetch Fetch) error {
	k.taking.Lock()
	defer k.taking.Unlock()
	address, err := checkAddress(args[addressFile])
	if err != nil {
		return fmt.Errorf("keeping the About page: %w", err)
	}
	if err := os.MkdirAll(k.own, 0o700); err != nil {
		return fmt.Errorf("keeping the About page: %w", err)
	}
	for _, name := range []string{textFile, pageFile} {
		if err := k.take(ctx, name, args[name], fetch); err != nil {
			return fmt.Errorf("keeping the About page: %s: %w", name, err)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := pki.WriteSecret(filepath.Join(k.own, addressFile), []byte(address)); err != nil {
		return fmt.Errorf("keeping the About page: %w", err)
	}
	_, err = k.publish()
	return err
}

func (k *Keeper) take(ctx context.Context, name, hexSum string, fetch Fetch) error {
	want, err := hex.DecodeString(hexSum)
	if err != nil || len(want) != sha256.Size {
		return errors.New("the collector named no file for it")
	}
	path := filepath.Join(k.own, name)
	if have, err := os.ReadFile(path); err == nil && sumIs(have, want) {
		return nil
	}
	var b bytes.Buffer
	if err := fetch(ctx, want, 0, &limited{&b}); err != nil {
		return err
	}
	if !sumIs(b.Bytes(), want) {
		return errors.New("its bytes are not those the collector named")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return pki.WriteSecret(path, b.Bytes())
}

func sumIs(data, want []byte) bool {
	sum := sha256.Sum256(data)
	return bytes.Equal(sum[:], want)
}

// limited refuses what no page is.
type limited struct{ to *bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.to.Len()+len(p) > maxBytes {
		return 0, fmt.Errorf("it is longer than %d bytes", maxBytes)
	}
	return l.to.Write(p)
}

// checkAddress takes what a browser may be sent to; none is no mistake.
func checkAddress(address string) (string, error) {
	if address == "" {
		return "", nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(address) > 1024 {
		return "", errors.New("its address is no https:// one")
	}
	return address, nil
}

// Lay lays everybody's copy where it is missing or another one, and says which of
// its files were not as they should be.
func (k *Keeper) Lay() (mended []string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.publish()
}

// Tell has whoever reads the page be told something for IT too; empty: nothing more.
// It may name nobody.
func (k *Keeper) Tell(note string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	path := filepath.Join(k.own, noteFile)
	err := os.MkdirAll(k.own, 0o700)
	switch {
	case err != nil:
	case note == "":
		if err = os.Remove(path); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	default:
		err = pki.WriteSecret(path, []byte(note))
	}
	if err == nil {
		_, err = k.publish()
	}
	if err != nil {
		return fmt.Errorf("telling whoever reads the About page: %w", err)
	}
	return nil
}

// publish needs mu. A file of everybody's that the agent has no copy of is removed:
// it is somebody else's page.
func (k *Keeper) publish() (mended []string, err error) {
	if err := os.MkdirAll(k.public, 0o755); err != nil { //nolint:gosec // everybody may read it
		return nil, fmt.Errorf("laying the About page for everybody to read: %w", err)
	}
	if err := os.Chmod(k.public, 0o755); err != nil {
		return nil, fmt.Errorf("laying the About page for everybody to read: %w", err)
	}
	var failed error
	for _, name := range []string{textFile, pageFile, addressFile, noteFile} {
		changed, err := k.lay(name)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("laying the About page for everybody to read: %s: %w", name, err))
		}
		if changed {
			mended = append(mended, name)
		}
	}
	return mended, failed
}

func (k *Keeper) lay(name string) (changed bool, err error) {
	want, err := os.ReadFile(filepath.Join(k.own, name))
	to := filepath.Join(k.public, name)
	if errors.Is(err, fs.ErrNotExist) && name == textFile {
		want, err = []byte(notice.Unheard().Text()), nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		err := os.Remove(to)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	}
	if err != nil {
		return false, err
	}
	info, statErr := os.Lstat(to)
	have, readErr := os.ReadFile(to)
	if statErr == nil && readErr == nil && info.Mode().IsRegular() && bytes.Equal(have, want) && readable(info.Mode()) {
		return false, nil
	}
	return true, writeFor(to, want)
}

// writeFor puts a file in place whole, for everybody to read whatever the umask.
func writeFor(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".about-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
