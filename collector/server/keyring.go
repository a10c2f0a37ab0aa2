package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"safelight/collector/admin"
	"safelight/collector/backup"
	"safelight/collector/store"
)

// keyring seals the present keyring to the recovery key, for copies beside
// backups.
func (s *state) keyring(ctx context.Context, place string) (admin.Keyring, error) {
	k, err := s.store.Keyring(ctx)
	if err != nil {
		return admin.Keyring{}, err
	}
	plain, err := k.Marshal()
	if err != nil {
		return admin.Keyring{}, fmt.Errorf("writing the keyring: %w", err)
	}
	var to admin.Keyring
	if to.Name, to.Sealed, err = backup.SealKeyring(s.dir, backup.Version{Epoch: k.Epoch(), Taken: k.Taken}, plain); err != nil {
		return admin.Keyring{}, err
	}
	if place != "" {
		if err := backup.AddPlace(s.dir, place); err != nil {
			return admin.Keyring{}, err
		}
	}
	to.Places, err = backup.Places(s.dir)
	return to, err
}

// noKeyring as RestoreOptions.Keyring restores without one: nobody's name or words.
const noKeyring = "none"

// readKeyring opens the keyring that a restore was given, or that lies beside the
// backup; nil: there is none.
func readKeyring(o RestoreOptions, key backup.Identity) (*store.Keyring, error) {
	path := o.Keyring
	switch path {
	case noKeyring:
		return &store.Keyring{}, nil
	case "":
		path = backup.FindKeyring(o.File, key)
	}
	plain, err := backup.OpenKeyring(path, key)
	if errors.Is(err, fs.ErrNotExist) && o.Keyring == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return store.ParseKeyring(plain)
}
