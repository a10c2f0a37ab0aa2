// Package kernel is what the agent's BPF programs have in common: the kernel
// structures they read (types.h), how a file's path is read in the kernel
// (path.h), the error that says why BPF is not to be had here, and the turning
// of what the kernel sends up into Go. Only agent/source/network/bpf and
// agent/source/process/execbpf import it; nothing in it captures anything.
package kernel

import (
	"bytes"
	"strings"
)

// Unavailable is why a BPF program cannot run here. Callers fall back to
// another way of seeing and say the reason in their status.
type Unavailable struct { //nolint:errname // read as a state: bpf.Unavailable
	// Reason is a sentence for a technician: what failed and how to mend it. It
	// holds no names of people, hosts or programs.
	Reason string
	Err    error
}

func (u *Unavailable) Error() string {
	if u.Err == nil {
		return u.Reason
	}
	return u.Reason + ": " + u.Err.Error()
}

func (u *Unavailable) Unwrap() error { return u.Err }

// Text returns the bytes of a C string up to its zero, or all of b.
func Text(b []byte) string {
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	return string(b)
}

// Path puts together the absolute path that walk_path of path.h took apart: the
// names from the file up to the root, each closed by a zero. Of nothing it makes
// nothing.
func Path(names []byte) string {
	if len(names) == 0 {
		return ""
	}
	var path strings.Builder
	path.Grow(len(names))
	for end := len(names) - 1; end >= 0; {
		start := bytes.LastIndexByte(names[:end], 0) + 1
		path.WriteByte('/')
		path.Write(names[start:end])
		end = start - 1
	}
	return path.String()
}
