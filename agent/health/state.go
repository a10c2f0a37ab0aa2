package health

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"safelight/internal/pki"
)

// kept is what was seen last, as it lies on disk. Sums are SHA-256 in hex.
type kept struct {
	Version  string            `json:"version,omitempty"` // of the agent that wrote it
	Hosts    string            `json:"hosts,omitempty"`
	Network  string            `json:"network,omitempty"` // of the name servers below
	Servers  string            `json:"servers,omitempty"`
	Program  string            `json:"program,omitempty"`
	Units    string            `json:"units,omitempty"`
	Sources  map[string]string `json:"sources,omitempty"`  // the way each last saw by
	Missing  []string          `json:"missing,omitempty"`  // notices that were told of as missing
	Networks []string          `json:"networks,omitempty"` // on which the collector was reached, the latest last
	Told     map[string]*told  `json:"told,omitempty"`
}

// mark says that the agent ran at a moment, and whether it was then stopped.
type mark struct {
	Wall    time.Time     `json:"wall"`
	Boot    string        `json:"boot"`
	Mono    time.Duration `json:"mono"`
	Goodbye bool          `json:"goodbye,omitempty"`
}

func readJSON(path string, to any) (there bool, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil {
		return false, fmt.Errorf("reading what was seen last: %w", err)
	}
	return true, nil
}

// writeKept is durable: what it holds would be told again otherwise.
func writeKept(path string, k kept) error {
	data, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("keeping what was seen last: %w", err)
	}
	return pki.WriteSecret(path, data)
}

// writeMark is not synced: each minute would wake a sleeping disk. After a power cut
// the mark is some seconds older, or torn and then ignored.
func writeMark(path string, m mark) error {
	data, err := json.Marshal(m)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keeping that the agent runs: %w", err)
	}
	return nil
}
