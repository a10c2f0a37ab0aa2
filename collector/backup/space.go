package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// spare is what a snapshot must leave free for the running collector.
const spare = 64 << 20

// roomFor refuses a snapshot that would take the last of the disk that events
// are being stored on.
func roomFor(dir, database string) error {
	need := int64(spare)
	for _, path := range []string{database, database + "-wal"} {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		need += info.Size()
	}
	free, err := freeBytes(dir)
	if err != nil {
		return fmt.Errorf("asking how much of the disk is free: %w", err)
	}
	if free < need {
		return fmt.Errorf("the disk of %s has %d MB free and a snapshot needs %d MB for a while: free some, nothing was written", dir, free>>20, need>>20)
	}
	return nil
}
