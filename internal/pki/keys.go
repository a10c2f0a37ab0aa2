package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// NewKey makes an ECDSA P-256 key, for certificates.
func NewKey() (crypto.Signer, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// NewPolicyKey makes an Ed25519 key, for signing policy and nothing else.
func NewPolicyKey() (crypto.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

// NewAuditKey makes an Ed25519 key, for signing the record's checkpoints and
// nothing else.
func NewAuditKey() (crypto.Signer, error) { return NewPolicyKey() }

// KeyID names a public key: the first 16 hexadecimal digits of the SHA-256 of
// its SubjectPublicKeyInfo (RFC 5280).
func KeyID(pub crypto.PublicKey) (string, error) {
	sum, err := KeyHash(pub)
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(sum[:8]), nil
}

// KeyHash returns the SHA-256 of the key's SubjectPublicKeyInfo.
func KeyHash(pub crypto.PublicKey) ([32]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return [32]byte{}, fmt.Errorf("encoding public key: %w", err)
	}
	return sha256.Sum256(der), nil
}

// SaveKey writes a private key as PKCS #8 in PEM, readable by its owner only.
// It refuses to overwrite: a lost key cannot be made again.
func SaveKey(path string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding private key: %w", err)
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("writing key %s: it is there already; move it away first", path)
	}
	return WriteSecret(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// LoadKey reads a key that SaveKey wrote. A file that others may read is
// refused: its secret must be taken for known.
func LoadKey(path string) (crypto.Signer, error) {
	data, err := ReadSecret(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("reading key %s: no PEM block PRIVATE KEY; restore it from a backup", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading key %s: %w", path, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("reading key %s: %T cannot sign", path, key)
	}
	return signer, nil
}

// LoadOrMakeKey reads the key at path, or makes it with create and saves it.
func LoadOrMakeKey(path string, create func() (crypto.Signer, error)) (crypto.Signer, error) {
	key, err := LoadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if key, err = create(); err != nil {
		return nil, fmt.Errorf("making key %s: %w", path, err)
	}
	return key, SaveKey(path, key)
}

// WriteSecret writes a file that only its owner can read, whole or not at all,
// and durably.
func WriteSecret(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // CreateTemp makes 0600
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = Shred(f.Name()) // it may hold the secret already
			_ = os.Remove(f.Name())
		}
	}()
	if err = restrict(f.Name()); err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return syncDir(dir)
}

// ReadSecret reads a file that WriteSecret wrote, and refuses one that others
// than its owner can read.
func ReadSecret(path string) ([]byte, error) {
	if err := checkOwnerOnly(path); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return data, nil
}
