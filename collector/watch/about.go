package watch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"safelight/collector/model"
	safelightv1 "safelight/proto/safelight/v1"
)

const (
	// capAbout is the capability of keeping the About page for everybody who uses
	// the device.
	capAbout = "about"
	// aboutCommand tells a device where the page is, and the SHA-256 of its copies by
	// their names, which FetchBlob hands out.
	aboutCommand = "about"
	// aboutAddress is the argument that is no file's name.
	aboutAddress = "address"
)

// About is the page that every device keeps a copy of (D20).
type About interface {
	// Copies are its files by name; none: there is none yet.
	Copies() map[string][]byte
	Address() string
}

// AboutChanged has every open stream look for a new page.
func (s *Service) AboutChanged() { s.wake() }

// withAbout hands out the page's files before those of policies.
type withAbout struct {
	Blobs
	about About
}

func (w withAbout) Blob(ctx context.Context, school model.SchoolID, sha [32]byte) ([]byte, error) {
	for _, data := range w.about.Copies() {
		if sha256.Sum256(data) == sha {
			return data, nil
		}
	}
	return w.Blobs.Blob(ctx, school, sha)
}

// aboutPage is what a stream has told its device of the page.
type aboutPage struct {
	able bool
	sent string // all arguments, in a line
}

// sendAbout tells of the page once per stream and content. A device that has it
// fetches nothing.
func (w *watcher) sendAbout() error {
	if !w.about.able || w.service.about == nil {
		return nil
	}
	copies := w.service.about.Copies()
	if len(copies) == 0 {
		return nil
	}
	args := map[string]string{aboutAddress: w.service.about.Address()}
	line := []string{args[aboutAddress]}
	for _, name := range slices.Sorted(maps.Keys(copies)) {
		sum := sha256.Sum256(copies[name])
		args[name] = hex.EncodeToString(sum[:])
		line = append(line, name, args[name])
	}
	all := strings.Join(line, " ")
	if all == w.about.sent {
		return nil
	}
	w.about.sent = all
	return w.send(&safelightv1.Directive{Kind: &safelightv1.Directive_Command{Command: &safelightv1.Command{Name: aboutCommand, Args: args}}})
}
