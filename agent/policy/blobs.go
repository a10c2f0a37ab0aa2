package policy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// Limits on what a manifest may ask a device to fetch. Five million names take
// 30 MB; a policy may carry a base table, its overlay and its rules.
const (
	maxBlobs     = 1024
	maxBlobBytes = 64 << 20
	maxBytes     = 192 << 20
	// What has to stay free on the disk beside a policy, for the spool first.
	spareBytes = 64 << 20
)

// Fetch writes a blob to `to`, from offset to its end.
type Fetch = func(ctx context.Context, sha256 []byte, offset int64, to io.Writer) error

// blobs is the folder of a policy's files. A file is named by its content's
// SHA-256 and never changed once it bears that name: what is mapped from it stays
// what it was. What is still being fetched has another ending.
type blobs struct {
	dir  string
	free func(dir string) (uint64, error) // bytes that may be written
}

const part = ".part"

func (b *blobs) path(sum []byte) string { return filepath.Join(b.dir, hex.EncodeToString(sum)) }

// missing lists what is not on disk as the manifest says, byte for byte. It reads
// every file, which is what installing a policy costs, once.
func (b *blobs) missing(ctx context.Context, all []*safelightv1.Blob) ([]*safelightv1.Blob, error) {
	var lacking []*safelightv1.Blob
	for _, blob := range all {
		if b.verify(ctx, blob, 0) != nil {
			lacking = append(lacking, blob)
		}
	}
	return lacking, ctx.Err()
}

// sized holds a file's length against the manifest's, without reading it.
func (b *blobs) sized(blob *safelightv1.Blob) error {
	info, err := os.Stat(b.path(blob.GetSha256()))
	if err != nil {
		return fmt.Errorf("reading %s: %w", blob.GetName(), err)
	}
	if uint64(info.Size()) != blob.GetSize() {
		return fmt.Errorf("checking %s: it is %d bytes long, the manifest says %d", blob.GetName(), info.Size(), blob.GetSize())
	}
	return nil
}

// verify reads a file to its end and holds it against the manifest; pause lies
// between two pieces of a mebibyte.
func (b *blobs) verify(ctx context.Context, blob *safelightv1.Blob, pause time.Duration) error {
	if err := b.sized(blob); err != nil {
		return err
	}
	f, err := os.Open(b.path(blob.GetSha256()))
	if err != nil {
		return fmt.Errorf("reading %s: %w", blob.GetName(), err)
	}
	defer f.Close()
	return verify(ctx, f, blob, pause)
}

func verify(ctx context.Context, from io.Reader, blob *safelightv1.Blob, pause time.Duration) error {
	hash := sha256.New()
	for {
		n, err := io.CopyN(hash, from, 1<<20)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("reading %s: %w", blob.GetName(), err)
		}
		if n == 0 || err != nil {
			break
		}
		if err := rest(ctx, pause); err != nil {
			return err
		}
	}
	if [sha256.Size]byte(hash.Sum(nil)) != [sha256.Size]byte(blob.GetSha256()) {
		return fmt.Errorf("checking %s: its bytes are not those the manifest names", blob.GetName())
	}
	return nil
}

func rest(ctx context.Context, pause time.Duration) error {
	if pause == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// room says whether what is lacking can be written and leave the device enough.
func (b *blobs) room(lacking []*safelightv1.Blob) error {
	need := uint64(spareBytes)
	for _, blob := range lacking {
		need += blob.GetSize() - min(blob.GetSize(), b.begun(blob))
	}
	if len(lacking) == 0 {
		return nil
	}
	free, err := b.free(b.dir)
	if err != nil {
		return fmt.Errorf("asking for the free space of %s: %w", b.dir, err)
	}
	if free < need {
		return fmt.Errorf("keeping the policy: it needs %d MB on the disk of %s and %d MB are free; free some", need>>20, b.dir, free>>20)
	}
	return nil
}

// begun is how much of a blob came before the fetch was cut off.
func (b *blobs) begun(blob *safelightv1.Blob) uint64 {
	info, err := os.Stat(b.path(blob.GetSha256()) + part)
	if err != nil {
		return 0
	}
	return uint64(info.Size())
}

// ensure fetches a blob, or the rest of one; a file bears its name once it is
// whole, checked and durable. One that was taken up again and turns out wrong is
// fetched once more from its beginning.
func (b *blobs) ensure(ctx context.Context, blob *safelightv1.Blob, fetch Fetch) error {
	resumed := b.begun(blob) > 0
	err := b.fetch(ctx, blob, fetch)
	if resumed && errors.Is(err, errWrong) {
		err = b.fetch(ctx, blob, fetch)
	}
	return err
}

var errWrong = errors.New("it came otherwise than the manifest says")

func (b *blobs) fetch(ctx context.Context, blob *safelightv1.Blob, fetch Fetch) (err error) {
	path := b.path(blob.GetSha256())
	f, err := pki.OpenPart(path + part)
	if err != nil {
		return fmt.Errorf("keeping %s: %w", blob.GetName(), err)
	}
	settled := false
	defer func() {
		if settled {
			return
		}
		err = errors.Join(err, f.Close())
		if errors.Is(err, errWrong) {
			err = errors.Join(err, os.Remove(path+part))
		}
	}()
	begun, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("keeping %s: %w", blob.GetName(), err)
	}
	left := int64(blob.GetSize()) - begun
	if left > 0 {
		if err := fetch(ctx, blob.GetSha256(), begun, &limited{f, left}); err != nil {
			return fmt.Errorf("fetching %s: %w", blob.GetName(), err)
		}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("checking %s: %w", blob.GetName(), err)
	}
	if err := verify(ctx, f, blob, 0); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return errors.Join(err, errWrong)
	}
	settled = true
	return pki.Settle(f, path)
}

// limited refuses what is beyond a blob's size.
type limited struct {
	to   io.Writer
	left int64
}

func (l *limited) Write(p []byte) (int, error) {
	if int64(len(p)) > l.left {
		return 0, fmt.Errorf("%w: it is longer", errWrong)
	}
	n, err := l.to.Write(p)
	l.left -= int64(n)
	return n, err
}

// sweep removes what no kept manifest names. What it cannot remove (Windows
// keeps what is mapped) it leaves for the next time.
func (b *blobs) sweep(keep map[string]bool) {
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !keep[strings.TrimSuffix(e.Name(), part)] {
			_ = os.Remove(filepath.Join(b.dir, e.Name()))
		}
	}
}

// names adds the files of a manifest to those to keep.
func names(keep map[string]bool, all []*safelightv1.Blob) {
	for _, blob := range all {
		keep[hex.EncodeToString(blob.GetSha256())] = true
	}
}
