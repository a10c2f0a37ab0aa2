package store

import (
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

func TestOneDamagedRowKeepsNoOtherEventFromWhoMustSeeIt(t *testing.T) {
	s := openStore(t)
	dsl := addUser(t, s, "dsl", model.DutyDSL, "")
	addPupil(t, s, "amy", "ben")
	damaged, whole, other := eventOf("dev-1", 1, "amy", event.High), eventOf("dev-1", 2, "amy", event.High), eventOf("dev-2", 3, "ben", event.High)
	add(t, s, damaged, whole, other)
	gatherAll(t, s, &jobs{})
	result, err := s.writer.ExecContext(t.Context(), `UPDATE events SET body = $1 WHERE school_id = $2 AND device = $3 AND event_id = $4`,
		append([]byte{1}, make([]byte, 60)...), string(school), damaged.Device, damaged.ID[:])
	must(t, changedOne(result, err))
	refs := map[string]bool{}
	look := func(events []model.Event, want int) {
		t.Helper()
		if len(events) != want {
			t.Fatalf("%d events are listed, want %d", len(events), want)
		}
		for _, e := range events {
			if bad := e.ID == damaged.ID; e.Unreadable != bad || e.Erased != bad || (e.Name == "") != bad || (e.Account == "") != bad {
				t.Errorf("event %x: unreadable %t, erased %t, name %q, account %q", e.ID, e.Unreadable, e.Erased, e.Name, e.Account)
			}
		}
	}
	events, err := s.EventsFor(t.Context(), school, dsl, time.Time{})
	must(t, err)
	look(events, 3)
	if n := s.Unreadable(); n != 1 {
		t.Errorf("counted %d, want 1", n)
	}
	alerts, err := s.AlertsFor(t.Context(), school, dsl, time.Time{})
	must(t, err)
	for _, a := range alerts {
		refs[a.Ref] = true
		of, err := s.EventsOf(t.Context(), school, a.Ref)
		must(t, err)
		if a.Events == 2 {
			look(of, 2)
		}
	}
	if len(refs) != 2 {
		t.Errorf("%d alerts, want 2", len(refs))
	}
}
