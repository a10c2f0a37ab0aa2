package pki

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// CheckKeys refuses a state folder in which others may read a private key, used
// now or not: a former root's key is as good as the present one's to a thief.
// Both programs call it at every start.
func CheckKeys(dir string) error {
	var all []error
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() && filepath.Ext(path) == ".key" {
			all = append(all, checkOwnerOnly(path))
		}
		return nil
	})
	return errors.Join(append(all, err)...)
}

// CheckSecret refuses a file that holds a key or a password and that others may
// read, for those that lie elsewhere than in the state folder.
func CheckSecret(path string) error { return checkOwnerOnly(path) }
