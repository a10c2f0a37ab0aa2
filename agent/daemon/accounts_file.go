package daemon

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"safelight/internal/pki"
)

// accountsFile keeps what the collector said of accounts, sealed (AES-256-GCM)
// with a key of its own that lies beside it, both readable by the agent's user
// only. It keeps a role from being read out of a backup of single files or a
// search of the disk; whoever is root on the device reads both. It opens for one
// device: a copy that became a device of its own asks anew.
type accountsFile struct {
	path   string
	seal   cipher.AEAD
	device string
}

// openAccountsFile makes the key where it is missing.
func openAccountsFile(dir, device string) (*accountsFile, error) {
	path := filepath.Join(dir, "accounts.key")
	key, err := pki.ReadSecret(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(key) != 32 {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails (crypto/rand)
		err = pki.WriteSecret(path, key)
	}
	if err != nil {
		return nil, fmt.Errorf("opening what is remembered of accounts: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &accountsFile{path: filepath.Join(dir, "accounts.sealed"), seal: seal, device: device}, nil
}

func (f *accountsFile) load() (map[string]answer, error) {
	sealed, err := pki.ReadSecret(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	plain, err := f.seal.Open(nil, nil, sealed, []byte(f.device))
	if err != nil {
		return nil, fmt.Errorf("opening %s: it was sealed by another key or for another device", f.path)
	}
	var known map[string]answer
	if err := json.Unmarshal(plain, &known); err != nil {
		return nil, fmt.Errorf("opening %s: %w", f.path, err)
	}
	return known, nil
}

func (f *accountsFile) save(known map[string]answer) error {
	plain, err := json.Marshal(known)
	if err != nil {
		return err
	}
	sealed := f.seal.Seal(nil, nil, plain, []byte(f.device)) //nolint:gosec // the nonce is drawn at random by the cipher itself
	return pki.WriteSecret(f.path, sealed)
}
