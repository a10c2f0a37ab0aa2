package fleet

import (
	"context"
	"testing"
	"time"

	"safelight/collector/model"
)

// whileReading is a store to which a device's answer comes while a page reads it:
// after whatever is read first.
type whileReading struct {
	CheckStore
	arrived bool
	at      time.Time
}

func (s *whileReading) Devices(context.Context, model.SchoolID) ([]model.Device, error) {
	return []model.Device{{ID: "d1", Name: "LIB-001"}}, nil
}

func (s *whileReading) ChecksBetween(context.Context, model.SchoolID, time.Time, time.Time) (all []model.Check, _ error) {
	if s.arrived {
		all = append(all, model.Check{Device: "d1", Request: "r1", Received: s.at})
	}
	s.arrived = true
	return all, nil
}

func (s *whileReading) CheckRequests(context.Context, model.SchoolID, time.Time) ([]model.CheckRequest, error) {
	return []model.CheckRequest{{ID: "r1", At: s.at}}, nil
}

func (s *whileReading) Answered(context.Context, model.SchoolID, time.Time) (map[string]map[string]bool, error) {
	answered := map[string]map[string]bool{"r1": {}}
	if s.arrived {
		answered["r1"]["d1"] = true
	}
	s.arrived = true
	return answered, nil
}

func (*whileReading) CheckRecords(context.Context, model.SchoolID, string) ([]model.CheckRecord, error) {
	return nil, nil
}

func (*whileReading) Signatures(context.Context, model.SchoolID, string) ([]model.CheckSignature, error) {
	return nil, nil
}

func (*whileReading) LastSigned(context.Context, model.SchoolID) (time.Time, error) {
	return time.Time{}, nil
}

func (*whileReading) Reviews(context.Context, model.SchoolID, time.Time) ([]model.Review, error) {
	return nil, nil
}

func (*whileReading) Sites(context.Context, model.SchoolID) ([]model.Site, error) { return nil, nil }

func TestNoAnswerIsCountedWhoseCheckIsNotShown(t *testing.T) {
	at := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	s := &whileReading{at: at}
	w, err := NewChecks(s, "hill-lane", func() time.Time { return at }).Week(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, d := range w.Devices {
		if d.State != model.CheckNone {
			shown++
		}
	}
	if !s.arrived || w.Answered > shown {
		t.Errorf("%d devices have answered, and the checks of %d are shown", w.Answered, shown)
	}
}
