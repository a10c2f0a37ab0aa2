//go:build !linux

package pgtest

import (
	"errors"
	"syscall"
)

// account: these tests run where Debian's packages are.
func (s *Server) account() (*syscall.SysProcAttr, error) {
	if _, _, err := owner(); err != nil {
		return nil, errors.Join(ErrMissing, err)
	}
	return nil, ErrMissing
}
