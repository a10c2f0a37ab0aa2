package localstate

import "errors"

// ErrInUse means that another process holds the folder.
var ErrInUse = errors.New("another process is using it; stop it first")
