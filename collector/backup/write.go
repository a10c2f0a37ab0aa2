package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
)

// Source is what a backup is made of.
type Source struct {
	Dir      string // the state folder
	Database string // the store's file, wherever it lies
	// Snapshot writes a consistent copy of the database into a file that is
	// there and empty.
	Snapshot func(ctx context.Context, to string) error
	// Rows counts a database file's rows, table by table.
	Rows    func(ctx context.Context, path string) (map[string]int64, error)
	Now     func() time.Time
	Version string
}

// snapshotPrefix begins the name of the folder a snapshot lies in.
const snapshotPrefix = ".snapshot-"

// Prepared is a backup ready to be written: its snapshot is on disk.
type Prepared struct {
	src      Source
	folder   string // of the snapshot
	database string // its name in the backup
	names    []string
	manifest Manifest
	size     int64
	keys     []age.Recipient
}

// Prepare takes the snapshot. The backup will open to the folder's recovery key
// and to readers. Close must be called.
func Prepare(ctx context.Context, src Source, readers ...age.Recipient) (_ *Prepared, err error) {
	recovery, err := ReadPublic(src.Dir)
	if err != nil {
		return nil, err
	}
	if err := Sweep(src.Dir); err != nil {
		return nil, err
	}
	p := &Prepared{src: src, keys: append([]age.Recipient{recovery}, readers...), database: filepath.Base(src.Database)}
	p.manifest = Manifest{Format: format, Version: src.Version, Taken: src.Now().UTC(), Database: p.database}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("taking a snapshot: %w", err), p.Close())
		}
	}()
	if err := roomFor(src.Dir, src.Database); err != nil {
		return nil, err
	}
	if p.folder, err = os.MkdirTemp(src.Dir, snapshotPrefix); err != nil { // only its owner may enter
		return nil, err
	}
	if err := src.Snapshot(ctx, p.snapshot()); err != nil {
		return nil, err
	}
	if p.manifest.Rows, err = src.Rows(ctx, p.snapshot()); err != nil {
		return nil, err
	}
	if p.names, p.manifest.LeftOut, err = taken(src.Dir, src.Database); err != nil {
		return nil, err
	}
	return p, p.measure()
}

// Sweep removes snapshots that killed processes left. The caller knows that no
// backup of this folder is under way.
func Sweep(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, snapshotPrefix+"*"))
	if err != nil {
		return fmt.Errorf("finding old snapshots: %w", err)
	}
	for _, path := range left {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("removing an old snapshot: %w", err)
		}
	}
	return nil
}

func (p *Prepared) snapshot() string { return filepath.Join(p.folder, "snapshot.db") }

func (p *Prepared) measure() error {
	for _, name := range append(p.names, p.database) {
		info, err := os.Stat(p.path(name))
		if err != nil {
			return err
		}
		p.size += info.Size()
	}
	return nil
}

func (p *Prepared) path(name string) string {
	if name == p.database {
		return p.snapshot()
	}
	return filepath.Join(p.src.Dir, filepath.FromSlash(name))
}

// Size is about how many bytes Write will write.
func (p *Prepared) Size() int64 { return p.size }

// Close removes the snapshot.
func (p *Prepared) Close() error {
	if p.folder == "" {
		return nil
	}
	return os.RemoveAll(p.folder)
}

// Write writes the backup.
func (p *Prepared) Write(ctx context.Context, w io.Writer) error {
	sealed, err := age.Encrypt(w, p.keys...)
	if err != nil {
		return fmt.Errorf("encrypting: %w", err)
	}
	archive := tar.NewWriter(sealed)
	for _, name := range append(p.names, p.database) {
		if err := p.add(ctx, archive, name); err != nil {
			return fmt.Errorf("backing up %s: %w", name, err)
		}
	}
	text, err := json.MarshalIndent(p.manifest, "", "  ")
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(header(manifestName, int64(len(text)), p.manifest.Taken)); err != nil {
		return err
	}
	if _, err := archive.Write(text); err != nil {
		return err
	}
	return errors.Join(archive.Close(), sealed.Close())
}

func header(name string, size int64, taken time.Time) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: taken, Format: tar.FormatPAX}
}

func (p *Prepared) add(ctx context.Context, archive *tar.Writer, name string) error {
	f, err := os.Open(p.path(name))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(header(name, info.Size(), p.manifest.Taken)); err != nil {
		return err
	}
	digest := sha256.New()
	n, err := io.CopyN(io.MultiWriter(archive, digest), &patient{ctx, f}, info.Size())
	if errors.Is(err, io.EOF) {
		return errors.New("it became shorter while it was read; run the backup again")
	}
	if err != nil {
		return err
	}
	p.manifest.Files = append(p.manifest.Files, File{Name: name, Size: n, SHA256: hex.EncodeToString(digest.Sum(nil))})
	return nil
}

// patient stops reading once nobody waits for it.
type patient struct {
	ctx context.Context
	r   io.Reader
}

func (p *patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.r.Read(b)
}
