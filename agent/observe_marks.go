package main

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"strings"
	"time"

	"safelight/agent/pages"
	"safelight/agent/source/hostname"
	"safelight/internal/event"
	"safelight/internal/packdir"
	"safelight/internal/rules"
)

// marker marks what `observe` prints as the pipeline would: by the lists that
// ship, since a device's policy is not read by a command that judges nothing,
// and by what follows what.
type marker struct {
	set   *rules.Ruleset
	pages *pages.Tracker
	began time.Time // with the monotonic clock
}

func newMarker() (*marker, error) {
	files, err := packdir.Shipped()
	if err != nil {
		return nil, fmt.Errorf("reading the lists that ship: %w", err)
	}
	set, err := rules.Compile(marksAlone(files))
	if err != nil {
		return nil, fmt.Errorf("reading the lists that ship: %w", err)
	}
	return &marker{set: set, pages: pages.New(hostname.Site), began: time.Now()}, nil
}

// marksAlone leaves out the files that mark nothing, which are nearly all and take
// a second to compile.
func marksAlone(files map[string][]byte) map[string][]byte {
	few := maps.Clone(files)
	maps.DeleteFunc(few, func(name string, data []byte) bool {
		return path.Base(name) != "pack.yaml" && !strings.HasPrefix(name, rules.ProtectedPack+"/") && !bytes.HasPrefix(data, []byte("marks:")) && !bytes.Contains(data, []byte("\nmarks:"))
	})
	return few
}

func (m *marker) mark(o *event.Observation) {
	if o.Kind != event.Domain {
		return
	}
	if m.set.Marks(o.Name)&rules.MarkNoise != 0 {
		o.Noise = true
		return
	}
	if m.pages.Seen(*o, time.Since(m.began)) {
		o.ThirdParty = true
	}
}
