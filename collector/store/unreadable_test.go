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

// A subject whose own name, or whose key, is damaged: what others did is listed all
// the same, and which events cannot be opened is said.
func TestADamagedNameOrKeyKeepsNoOtherEventFromWhoMustSeeIt(t *testing.T) {
	for name, damage := range map[string]string{
		"name": `UPDATE subjects SET name = $1 WHERE school_id = $2 AND id = $3`,
		"key":  `UPDATE subject_keys SET wrapped = $1 WHERE school_id = $2 AND subject_id = $3`,
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t)
			dsl := addUser(t, s, "dsl", model.DutyDSL, "")
			addPupil(t, s, "amy", "ben")
			add(t, s, eventOf("dev-1", 1, "amy", event.High), eventOf("dev-2", 2, "ben", event.High))
			gatherAll(t, s, &jobs{})
			amy, found, err := s.SubjectByAccount(t.Context(), school, "amy")
			if must(t, err); !found {
				t.Fatal("amy is not known")
			}
			for _, bytes := range [][]byte{append([]byte{1}, make([]byte, 60)...), {1}, {}, {2, 3}} {
				result, err := s.writer.ExecContext(t.Context(), damage, bytes, string(school), amy.ID)
				must(t, changedOne(result, err))
				s.sealing.forget()
				events, err := s.EventsFor(t.Context(), school, dsl, time.Time{})
				if err != nil || len(events) != 2 {
					t.Errorf("%x: %d events, %v", bytes, len(events), err)
					continue
				}
				for _, e := range events {
					if (e.Subject == amy.ID) != (e.Name == "") {
						t.Errorf("%x: %+v", bytes, e)
					}
				}
				alerts, err := s.AlertsFor(t.Context(), school, dsl, time.Time{})
				if err != nil || len(alerts) != 2 {
					t.Errorf("%x: %d alerts, %v", bytes, len(alerts), err)
				}
				for _, a := range alerts {
					if _, err := s.EventsOf(t.Context(), school, a.Ref); err != nil {
						t.Errorf("%x: events of an alert: %v", bytes, err)
					}
					if _, err := s.AlertFor(t.Context(), school, dsl, a.Ref); err != nil {
						t.Errorf("%x: an alert: %v", bytes, err)
					}
				}
				if _, _, err := s.TrialEvents(t.Context(), school, dsl, noon.AddDate(-1, 0, 0), noon.AddDate(1, 0, 0), model.TrialCursor{}, 10); err != nil {
					t.Errorf("%x: a trial's events: %v", bytes, err)
				}
				her, err := s.Subject(t.Context(), school, amy.ID)
				if err != nil || !her.Unreadable || her.Account != "" || her.Role != model.RolePupil {
					t.Errorf("%x: read as %+v, %v", bytes, her, err)
				}
				if her, found, err := s.SubjectByAccount(t.Context(), school, "amy"); err != nil || !found || !her.Unreadable {
					t.Errorf("%x: found as %+v %t, %v", bytes, her, found, err)
				}
				if as, ok, err := s.KnownAs(t.Context(), school, "amy"); err != nil || !ok {
					t.Errorf("%x: how she is known: %+v %t %v", bytes, as, ok, err)
				}
			}
		})
	}
}
