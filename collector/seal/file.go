package seal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"safelight/internal/pki"
)

// FileName is the file of the epoch secrets, wherever it lies.
const FileName = "sealing.key"

// File is sealing.key, opened. It may be used concurrently.
type File struct {
	path string

	mu      sync.RWMutex // guards what is declared below, the schools' epochs, and the file
	schools map[string]*School
}

// content is how the file looks.
type content struct {
	Note    string                    `json:"note"`
	Schools map[string][]contentEpoch `json:"schools"`
}

type contentEpoch struct {
	Epoch  int64  `json:"epoch"`
	Secret []byte `json:"secret"`
}

const note = "Safelight: what opens the names and words in the database. Keep it out of copies of the database: see docs/backup.md."

// OpenFile reads the file, or begins an empty one, which is written once a
// school has a secret. One that others may read is refused.
func OpenFile(path string) (*File, error) {
	f := &File{path: path, schools: map[string]*School{}}
	if err := pki.ShredLeft(f.path); err != nil {
		return nil, err
	}
	data, err := pki.ReadSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	var c content
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("reading %s: it is damaged: restore a backup with its keyring", path)
	}
	for id, epochs := range c.Schools {
		s := &School{id: id, file: f}
		for i, e := range epochs {
			if len(e.Secret) != len(Key{}) || e.Epoch < 1 || i > 0 && e.Epoch <= epochs[i-1].Epoch {
				return nil, fmt.Errorf("reading %s: epoch %d of school %s is damaged: restore a backup with its keyring", path, e.Epoch, id)
			}
			s.epochs = append(s.epochs, newEpoch(e.Epoch, Key(e.Secret)))
		}
		f.schools[id] = s
	}
	return f, nil
}

// School is the secrets of a school, of which there may be none yet.
func (f *File) School(id string) *School {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.schools[id]
	if s == nil {
		s = &School{id: id, file: f}
		f.schools[id] = s
	}
	return s
}

// write writes the file anew. The caller holds the lock.
func (f *File) write() error {
	c := content{Note: note, Schools: map[string][]contentEpoch{}}
	for id, s := range f.schools {
		for _, e := range s.epochs {
			c.Schools[id] = append(c.Schools[id], contentEpoch{e.number, e.secret[:]})
		}
	}
	data, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	return pki.WriteSecret(f.path, append(data, '\n'))
}

func (f *File) former() string {
	return filepath.Join(filepath.Dir(f.path), "."+filepath.Base(f.path)+".former")
}

// replace is write, after which the former file's bytes are overwritten, and
// those of files that a killed process left.
func (f *File) replace() error {
	if err := pki.ShredLeft(f.path); err != nil {
		return err
	}
	if err := os.Link(f.path, f.former()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keeping hold of a former secret, to overwrite it: %w", err)
	}
	if err := f.write(); err != nil {
		return errors.Join(err, pki.ShredLeft(f.path))
	}
	return pki.ShredLeft(f.path)
}
