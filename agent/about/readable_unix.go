//go:build unix

package about

import "io/fs"

// readable says whether everybody may read the file.
func readable(mode fs.FileMode) bool { return mode.Perm() == 0o644 }
