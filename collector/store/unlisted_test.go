package store

import (
	"strings"
	"testing"

	"safelight/collector/model"
	"safelight/internal/event"
)

func TestAnEventThatNoListHoldsIsKeptMarkedAndToldToNobody(t *testing.T) {
	for _, n := range []int{1, 8} { // one by one, and together
		s := openStore(t)
		dsl := addUser(t, s, "dsl", model.DutyDSL, "")
		addPupil(t, s, "p1")
		var events []model.Event
		for i := range n {
			e := eventOf("d1", i+1, "p1", event.Urgent)
			e.Rule, e.Unlisted = "pornography/list/ut1-adult", i%2 == 0
			events = append(events, e)
		}
		s.Ready(school, events)
		for i := range events {
			events[i].Sealed = nil // as ingest leaves a marked one
		}
		add(t, s, events...)
		if again := add(t, s, events[0])[0]; again != model.StoredDuplicate {
			t.Errorf("sent again: %v", again)
		}
		var told jobs
		gatherAll(t, s, &told)
		raised := 0
		for _, a := range alerts(t, s) {
			raised += a.Events
		}
		if raised != n/2 {
			t.Errorf("of %d events, half of them mistaken, %d are in alerts", n, raised)
		}
		if n == 1 && len(told.ids) != 0 {
			t.Errorf("somebody was told: %v", told.ids)
		}
		kept, err := s.EventsFor(t.Context(), school, dsl, noon)
		must(t, err)
		marked := 0
		for _, e := range kept {
			if e.Unlisted {
				marked++
			}
		}
		if len(kept) != n || marked != (n+1)/2 {
			t.Errorf("%d of %d kept, %d marked", len(kept), n, marked)
		}
		health, err := s.Health(t.Context(), school, noon)
		must(t, err)
		if len(health) != (n+1)/2 || health[0].Topic != TopicUnlisted || !strings.Contains(health[0].Detail, "ut1-adult") || strings.Contains(health[0].Detail, "example.test") {
			t.Errorf("health events: %+v", health)
		}
	}
}
