package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"safelight/agent/watch"
	"safelight/internal/pki"
)

// RefusedMend is what to do about a device that its collector refuses.
const RefusedMend = "stop the agent, remove identity.json and device.key from its state folder, and enrol it with a new token"

// refusal is how the collector refuses a device, across restarts of the agent.
type refusal struct {
	Device string `json:"device"`
	watch.Refusal
}

func refusalFile(dir string) string { return filepath.Join(dir, "refused.json") }

// readRefusal reads the one that lasts; nil: none that is this identity's. A file that
// cannot be read is as good as none: the collector says it again within a minute.
func readRefusal(dir, device string) *watch.Refusal {
	data, err := os.ReadFile(refusalFile(dir))
	var r refusal
	if err != nil || json.Unmarshal(data, &r) != nil || r.Device != device {
		return nil
	}
	return &r.Refusal
}

// knownRefusal is the one that lasts. What is left of another identity's goes.
func (a *agent) knownRefusal(dir string) *watch.Refusal {
	known := readRefusal(dir, a.identity.DeviceID)
	if known == nil {
		a.keepRefusal(dir, nil)
	}
	return known
}

// keepRefusal keeps a refusal, and has whoever asks this device what it records read of
// it: nothing that is noticed here reaches anybody. With nil both go.
func (a *agent) keepRefusal(dir string, r *watch.Refusal) {
	if err := errors.Join(writeRefusal(dir, a.identity.DeviceID, r), a.about.Tell(refusedNote(r))); err != nil {
		a.log.Warn("keeping how the collector refuses this device failed", "error", err.Error())
	}
}

func writeRefusal(dir, device string, r *watch.Refusal) error {
	if r == nil {
		if err := os.Remove(refusalFile(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forgetting a refusal: %w", err)
		}
		return nil
	}
	data, err := json.Marshal(refusal{device, *r})
	if err == nil {
		err = pki.WriteSecret(refusalFile(dir), data)
	}
	if err != nil {
		return fmt.Errorf("keeping a refusal: %w", err)
	}
	return nil
}

// refusedNote is for everybody who uses the device: it is about the device, and nobody.
func refusedNote(r *watch.Refusal) string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf("Since %s the school's collector takes nothing from this device. It says: %q.\n"+
		"What this device notices does not reach the school until IT mends this. It has nothing to do with anybody who uses it.\n"+
		"To mend it: %s.", r.Since.Local().Format("2 January 2006, 15:04"), strings.TrimRight(r.Reason, ". "), RefusedMend)
}
