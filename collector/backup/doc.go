// Package backup writes everything a collector keeps (the database, the
// configuration, certificates and keys) into one stream encrypted to the
// school's recovery key, proves a written backup by reading it back, and lays
// one down in a fresh folder. The recovery key's private half is never in a
// backup, nor needed to make or to prove one. It opens no database itself: it
// is handed what does. Only collector/server and the collector's main use it.
//
//	age (X25519: the recovery key, and the reader's own for proving)
//	└ tar
//	  ├ collector.yaml, ca/root.crt, policy.key ...   as they lie in the folder
//	  ├ safelight.db                                  a snapshot
//	  └ MANIFEST.json                                 last: sizes, SHA-256, rows
//
// A stream that was cut, or changed in any bit, cannot be read to its manifest.
package backup

import "time"

// manifestName is the last entry.
const manifestName = "MANIFEST.json"

// format is what this program writes, and the newest it reads.
const format = 1

// Manifest says what a backup holds.
type Manifest struct {
	Format   int       `json:"format"`
	Version  string    `json:"version"` // of the program that wrote it
	Taken    time.Time `json:"taken"`   // when the snapshot was begun
	Database string    `json:"database"`
	Files    []File    `json:"files"`
	// Rows is how many rows each table of the snapshot has.
	Rows map[string]int64 `json:"rows"`
	// LeftOut are files of the folder that no backup can hold: links, mostly.
	LeftOut []string `json:"left_out,omitempty"`
}

// File is one file of a backup.
type File struct {
	Name   string `json:"name"` // under the state folder, with slashes
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Progress is told how many bytes are done, and of how many; of is 0 where that
// is not known.
type Progress func(done, of int64)
