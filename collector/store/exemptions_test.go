package store

import (
	"errors"
	"slices"
	"testing"
	"time"

	"safelight/collector/model"
)

// unsigned makes overlays that say how many exemptions and sites they hold.
func unsigned(in model.OverlayInput, now time.Time) (model.Overlay, error) {
	return model.Overlay{
		Name: in.Name, Serial: in.Serial, Issued: now, Expires: now.Add(time.Hour), KeyID: "key",
		Body: []byte{byte(len(in.Exemptions)), byte(len(in.Sites))}, Signature: []byte("s"),
	}, nil
}

func overlayOf(t *testing.T, s *Store, name string) model.Overlay {
	t.Helper()
	all, err := s.Overlays(t.Context(), school)
	must(t, err)
	i := slices.IndexFunc(all, func(o model.Overlay) bool { return o.Name == name })
	if i < 0 {
		return model.Overlay{}
	}
	return all[i]
}

func TestOverlayChangesWithWhatIsInItOrNotAtAll(t *testing.T) {
	s := openStore(t)
	grant := func(id string, from, until time.Duration) error {
		return s.GrantExemption(t.Context(), model.Exemption{
			School: school, ID: id, By: "dsl-1", Duty: model.DutyDSL, Group: "10b", Category: "games", Reason: "why", From: noon.Add(from), Until: noon.Add(until),
		}, unsigned)
	}
	must(t, grant("one", 0, time.Hour))
	must(t, grant("two", time.Minute, 2*time.Hour))
	first := overlayOf(t, s, model.OverlayExemptions)
	if first.Body[0] != 2 || first.Serial != uint64(noon.Add(time.Minute).UnixMilli()) {
		t.Errorf("overlay = %+v", first)
	}
	broken := errors.New("no key")
	err := s.GrantExemption(t.Context(), model.Exemption{School: school, ID: "three", From: noon, Until: noon.Add(time.Hour)},
		func(model.OverlayInput, time.Time) (model.Overlay, error) { return model.Overlay{}, broken })
	if _, missing := s.Exemption(t.Context(), school, "three"); !errors.Is(err, broken) || !errors.Is(missing, ErrNotFound) {
		t.Errorf("leave that devices were not told of was given: %v, %v", err, missing)
	}
	must(t, s.EndExemption(t.Context(), school, "two", "dsl-1", noon.Add(90*time.Minute), unsigned))
	if last := overlayOf(t, s, model.OverlayExemptions); last.Body[0] != 0 || last.Serial <= first.Serial {
		t.Errorf("after one has passed and one was ended: %+v", last)
	}
	if err := s.EndExemption(t.Context(), school, "two", "dsl-1", noon.Add(91*time.Minute), unsigned); !errors.Is(err, ErrEnded) {
		t.Errorf("ended twice: %v", err)
	}
	if err := s.EndExemption(t.Context(), school, "none", "dsl-1", noon, unsigned); !errors.Is(err, ErrNotFound) {
		t.Errorf("ended none: %v", err)
	}
	if err := grant("one", 0, time.Hour); !errors.Is(err, ErrTaken) {
		t.Errorf("the same id again: %v", err)
	}
	counts, err := s.ExemptionCounts(t.Context(), school, noon, noon.Add(time.Hour))
	if must(t, err); len(counts) != 1 || counts[0] != (model.ExemptionCount{Category: "games", Duty: model.DutyDSL, Count: 2, Ended: 1}) {
		t.Errorf("counted %+v", counts)
	}
	if numbers, err := s.Changes(t.Context(), school); err != nil || numbers[TopicOverlays] != 3 {
		t.Errorf("changes = %v, %v; want 3 of overlays", numbers, err)
	}
}

func TestSitesAndHoursAreKeptWithTheirOverlay(t *testing.T) {
	s := openStore(t)
	want := model.Site{Name: "manor", Networks: []string{"10.0.0.0/8", "2001:db8::/32"}, Resolvers: []string{"school.example"}, Unfiltered: true, Changed: noon}
	must(t, s.SetSite(t.Context(), school, want, noon, unsigned))
	must(t, s.SetSite(t.Context(), school, model.Site{Name: "main"}, noon, unsigned))
	sites, err := s.Sites(t.Context(), school)
	if must(t, err); len(sites) != 2 || sites[1].Name != "manor" || !slices.Equal(sites[1].Networks, want.Networks) || !slices.Equal(sites[1].Resolvers, want.Resolvers) ||
		!sites[1].Unfiltered || !sites[1].Changed.Equal(noon) || overlayOf(t, s, model.OverlaySites).Body[1] != 2 {
		t.Errorf("sites = %+v", sites)
	}
	must(t, s.RemoveSite(t.Context(), school, "main", noon, unsigned))
	if overlayOf(t, s, model.OverlaySites).Body[1] != 1 {
		t.Error("devices are told of a site that is gone")
	}
	if _, found, err := s.Timetable(t.Context(), school); found || err != nil {
		t.Errorf("a timetable from nowhere: %v", err)
	}
	for _, text := range []string{"first", "second"} {
		must(t, s.SetTimetable(t.Context(), school, model.TimetableVersion{Name: text, Source: []byte(text), Imported: noon}, unsigned))
	}
	v, found, err := s.Timetable(t.Context(), school)
	if must(t, err); !found || string(v.Source) != "second" || v.Name != "second" || overlayOf(t, s, model.OverlayTimetable).Serial == 0 {
		t.Errorf("timetable = %+v", v)
	}
	for _, name := range []string{model.OverlayTimetable, model.OverlaySites, model.OverlayExemptions} {
		before := overlayOf(t, s, name).Serial
		if must(t, s.RemakeOverlay(t.Context(), school, name, noon, unsigned)); overlayOf(t, s, name).Serial <= before {
			t.Errorf("%s was not made anew", name)
		}
	}
}
