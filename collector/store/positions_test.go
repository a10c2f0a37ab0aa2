package store

import (
	"testing"

	"safelight/collector/model"
	"safelight/internal/event"
)

func TestPositionsGrowAndNeverGoBack(t *testing.T) {
	s := openStore(t)
	at := func(lane event.Severity, upto uint64) model.Position {
		return model.Position{Device: "device-1", SpoolEpoch: []byte("epoch-1"), Lane: lane, Upto: upto}
	}
	must(t, s.SavePositions(t.Context(), school, []model.Position{at(event.Low, 5), at(event.High, 9)}))
	must(t, s.SavePositions(t.Context(), school, []model.Position{at(event.Low, 7), at(event.High, 3)}))
	got, err := s.Positions(t.Context(), school, "device-1", []byte("epoch-1"))
	must(t, err)
	if len(got) != 2 || got[0].Upto != 7 || got[1].Upto != 9 || got[1].Lane != event.High {
		t.Errorf("positions %+v, want low 7 and high 9", got)
	}
	for _, other := range []struct{ school, device, epoch string }{{"other-school", "device-1", "epoch-1"}, {string(school), "device-2", "epoch-1"}, {string(school), "device-1", "epoch-2"}} {
		got, err := s.Positions(t.Context(), model.SchoolID(other.school), other.device, []byte(other.epoch))
		if must(t, err); len(got) != 0 {
			t.Errorf("%+v has %+v, which are another's", other, got)
		}
	}
}
