//go:build unix

package spool

import (
	"errors"
	"os"
	"syscall"
)

// moreFullErrors: a quota that is used up is a full disk to us.
var moreFullErrors = []error{syscall.EDQUOT}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
