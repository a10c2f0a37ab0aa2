package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"safelight/internal/pki"
)

// serialsFile holds the highest serial that was taken, by overlay. An overlay's own
// file says it too; should that break, whoever kept an older overlay, signed as it
// is, could otherwise hand it in again, and leave that was taken back would hold.
const serialsFile = "serials"

// readSerials reads the file. One that is missing or broken says nothing: what is
// held still says how far it had come.
func (o *Overlays) readSerials() map[string]uint64 {
	high := map[string]uint64{}
	data, err := os.ReadFile(filepath.Join(o.dir, serialsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return high
	}
	if err == nil {
		err = json.Unmarshal(data, &high)
	}
	if err != nil || high == nil {
		o.log.Error("the serials of overlays cannot be read; those of the stored ones are used", "error", fmt.Sprint(err))
		return map[string]uint64{}
	}
	return high
}

// raiseSerial has a serial on disk before its overlay is: the same one may come
// again where writing the overlay then fails, an older one may not.
func (o *Overlays) raiseSerial(name string, serial uint64) error {
	high := maps.Clone(o.high)
	high[name] = max(high[name], serial)
	data, err := json.Marshal(high)
	if err == nil {
		err = pki.WriteSecret(filepath.Join(o.dir, serialsFile), data)
	}
	if err != nil {
		return fmt.Errorf("keeping the serial of overlay %s: %w", name, err)
	}
	o.high = high
	return nil
}
