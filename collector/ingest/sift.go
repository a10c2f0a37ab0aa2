package ingest

import (
	"context"
	"strings"

	"safelight/collector/model"
)

// ofList is in every rule about the names of a list: "gambling/list/ut1-gambling".
const ofList = "/list/"

// sift marks events whose list does not hold their name after all: a device knows
// lists by hashes alone. They are stored, and nobody is told of them. Looking a
// name up reads the store, so that it is done in the stream's own goroutine and
// holds up nobody else.
func (s *Server) sift(ctx context.Context, events []model.Event) {
	if s.unlisted == nil {
		return
	}
	for i := range events {
		if e := &events[i]; strings.Contains(e.Rule, ofList) && s.unlisted(ctx, e) {
			e.Unlisted, e.Sealed = true, nil // what was made ready does not say so
		}
	}
}
