package backup

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// private are the recovery keys' private halves, wherever they lie in the state
// folder: a backup that held them would open itself. Nor does it hold what opens
// the names and words in the database: that is in the keyring beside it, which
// is replaced when somebody is erased.
var private = []string{PrivateFile, "recovery.key", "sealing.key", PlacesFile}

// taken lists the files of the state folder that a backup holds, with slashes
// and in order, and those that it would have to hold and cannot. The database
// and its logs come as a snapshot instead; what begins with a dot is half
// written or a snapshot; sockets and the lock say nothing about the school.
func taken(dir, database string) (files, leftOut []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name := d.Name()
		if strings.HasPrefix(name, ".") {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if d.IsDir() || path == database || ofDatabase(path, database) || slices.Contains(private, name) || strings.HasSuffix(name, ".keyring") || name == lockName {
			return nil
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		switch {
		case rel == filepath.Base(database): // a store of old: ours lies elsewhere
			leftOut = append(leftOut, rel)
		case d.Type().IsRegular():
			files = append(files, filepath.ToSlash(rel))
		case d.Type()&fs.ModeSymlink != 0:
			leftOut = append(leftOut, filepath.ToSlash(rel))
		}
		return nil
	})
	return files, leftOut, err
}

// lockName is the lock that keeps a second process out.
const lockName = "lock"

// ofDatabase says that a file is one of the database's own logs.
func ofDatabase(path, database string) bool {
	rest, ok := strings.CutPrefix(path, database)
	return ok && slices.Contains([]string{"-wal", "-shm", "-journal"}, rest)
}
