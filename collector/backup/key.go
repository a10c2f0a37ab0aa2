package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"safelight/internal/pki"
)

// The recovery key for backups: its public half stays in the state folder, its
// private half is written there once, to be taken offline.
const (
	PublicFile  = "recovery.pub"
	PrivateFile = "recovery.txt"
)

const privateText = `# Safelight: the recovery key for backups.
# Whoever has this file can read every backup of this collector, and without it
# no backup can be restored. Copy it to two places that are not this machine (a
# safe, a sealed envelope), try one copy as docs/backup.md says, and then delete
# it here. The public half, recovery.pub, stays.
# public key: %s
%s
`

// MakeKey makes the recovery key where dir has no public half yet. It never
// makes it again: backups already written would be lost.
func MakeKey(dir string) error {
	public := filepath.Join(dir, PublicFile)
	if _, err := os.Lstat(public); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return fmt.Errorf("making the recovery key: %w", err)
	}
	// The private half first: a public half alone would make backups that
	// nobody can open.
	text := fmt.Sprintf(privateText, id.Recipient(), id)
	if err := pki.WriteSecret(filepath.Join(dir, PrivateFile), []byte(text)); err != nil {
		return fmt.Errorf("making the recovery key: %w", err)
	}
	if err := pki.WriteSecret(public, []byte(id.Recipient().String()+"\n")); err != nil {
		return fmt.Errorf("making the recovery key: %w", err)
	}
	return nil
}

// ReadPublic reads the public half under dir.
func ReadPublic(dir string) (age.Recipient, error) {
	path := filepath.Join(dir, PublicFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the recovery key's public half: %w; `safelight-collector init` makes the key", err)
	}
	r, err := age.ParseX25519Recipient(strings.TrimSpace(string(data)))
	if err != nil {
		return nil, fmt.Errorf("reading the recovery key's public half %s: %w; it stands in recovery.txt too, after \"public key:\"", path, err)
	}
	return r, nil
}

// ReadPrivate reads the private half from a file like recovery.txt. What else
// stands in it (a PEM block of another key, say) is passed over.
func ReadPrivate(path string) (age.Identity, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the recovery key: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "AGE-SECRET-KEY-1") {
			continue
		}
		id, err := age.ParseX25519Identity(line)
		if err != nil {
			return nil, fmt.Errorf("reading the recovery key %s: its line AGE-SECRET-KEY-1... is damaged; use another copy", path)
		}
		return id, nil
	}
	return nil, fmt.Errorf("reading the recovery key %s: no line begins with AGE-SECRET-KEY-1; want the file recovery.txt that `init` wrote", path)
}

// NewReader makes a key of one moment, with which who asked for a backup reads
// it back; public is what the backup is to open to, besides the recovery key.
func NewReader() (key age.Identity, public string, err error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, "", fmt.Errorf("making a key to read the backup back: %w", err)
	}
	return id, id.Recipient().String(), nil
}

// Reader is the public half of NewReader's key.
type Reader = age.Recipient

// ParseReader reads what NewReader called public.
func ParseReader(public string) (Reader, error) {
	r, err := age.ParseX25519Recipient(public)
	if err != nil {
		return nil, fmt.Errorf("reading the reader's key: %w", err)
	}
	return r, nil
}
