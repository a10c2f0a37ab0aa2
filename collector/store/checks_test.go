package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

func checkOf(device string, n int, at time.Time, change ...func(*model.Check)) model.Check {
	c := model.Check{
		Device: device, ID: [16]byte(fmt.Appendf(nil, "%-10.10s%06d", device, n)), Place: model.Place{SpoolEpoch: []byte("epoch"), Lane: event.Low, Seq: uint64(n)},
		Began: at, Received: at.Add(time.Second), Cause: model.CheckWeekly,
		CheckBody: model.CheckBody{System: "Debian GNU/Linux 12, kernel 6.1.0-1", Browsers: []string{"firefox"}, Results: []model.CheckResult{
			{Source: "network", What: model.CheckDNS, Outcome: model.CheckSeen},
		}},
	}
	for _, f := range change {
		f(&c)
	}
	digest := sha256.Sum256(fmt.Appendf(nil, "%+v", c))
	c.Digest = digest[:]
	return c
}

func addChecks(t *testing.T, s *Store, all ...model.Check) []model.Stored {
	t.Helper()
	appended, err := s.AppendRecords(t.Context(), school, model.Batch{Checks: all})
	must(t, err)
	return appended.Checks
}

func TestACheckIsKnownAgainAndOtherBytesAreRefused(t *testing.T) {
	s := openStore(t)
	first := checkOf("dev-1", 1, noon)
	other := checkOf("dev-1", 1, noon, func(c *model.Check) { c.System = "another" })
	got := addChecks(t, s, first, first, other, checkOf("dev-2", 1, noon))
	want := []model.Stored{model.StoredNew, model.StoredDuplicate, model.StoredConflict, model.StoredNew}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("stored %v, want %v", got, want)
		}
	}
	health, err := s.Health(t.Context(), school, time.Time{})
	must(t, err)
	if len(health) != 1 || health[0].Topic != TopicConflict || health[0].Device != "dev-1" {
		t.Errorf("health events %+v", health)
	}
}

func TestTheNewestCheckOfMonitoringIsADevicesAndATryOfTheFilterIsNone(t *testing.T) {
	s := openStore(t)
	filter := func(c *model.Check) {
		c.Results = []model.CheckResult{{Source: "Test page", What: model.CheckFilter, Outcome: model.CheckNotBlocked}}
	}
	failed := func(c *model.Check) { c.Results[0].Outcome = model.CheckNotSeen }
	addChecks(t, s, checkOf("dev-1", 1, noon), checkOf("dev-1", 2, noon.Add(time.Hour), failed), checkOf("dev-1", 3, noon.Add(2*time.Hour), filter), checkOf("dev-2", 1, noon))
	latest, err := s.LatestChecks(t.Context(), school)
	must(t, err)
	if len(latest) != 2 || latest["dev-1"].Passed() || latest["dev-1"].ID[15] != '2' || !latest["dev-2"].Passed() {
		t.Errorf("newest checks %+v", latest)
	}
	between, err := s.ChecksBetween(t.Context(), school, noon.Add(2*time.Second), noon.Add(24*time.Hour))
	must(t, err)
	if len(between) != 2 || !between[1].OfFilter() || between[1].Passed() {
		t.Errorf("between %+v", between)
	}
	if other, err := s.LatestChecks(t.Context(), "elsewhere"); err != nil || len(other) != 0 {
		t.Errorf("another school has %v, %v", other, err)
	}
}

func TestAChangeOfSystemOrBrowserCallsForAReviewOnce(t *testing.T) {
	s := openStore(t)
	kernel := func(c *model.Check) { c.System = "Debian GNU/Linux 12, kernel 6.1.0-99" }
	upgraded := func(c *model.Check) {
		c.System, c.Browsers = "Debian GNU/Linux 13, kernel 6.12.1", []string{"firefox", "tor-browser"}
	}
	for n, change := range []func(*model.Check){func(*model.Check) {}, kernel, upgraded, upgraded} {
		addChecks(t, s, checkOf("dev-1", n, noon.Add(time.Duration(n)*time.Hour), change))
	}
	addChecks(t, s, checkOf("dev-1", 9, noon.Add(-time.Hour))) // an old one that comes late changes nothing
	reviews, err := s.Reviews(t.Context(), school, time.Time{})
	must(t, err)
	if len(reviews) != 2 || reviews[0].What != "browser" || reviews[0].Now != "tor-browser" || reviews[1].What != "system" ||
		reviews[1].Was != "Debian GNU/Linux 12" || reviews[1].Now != "Debian GNU/Linux 13" {
		t.Errorf("reviews %+v", reviews)
	}
	later, err := s.Reviews(t.Context(), school, noon.Add(3*time.Hour))
	must(t, err)
	if len(later) != 0 {
		t.Errorf("raised again: %+v", later)
	}
}

func TestG19ASideSignsOnceAndBothAreTwoPeople(t *testing.T) {
	s := openStore(t)
	addUser(t, s, "it", model.DutyIT, "")
	addUser(t, s, "it2", model.DutyIT, "")
	addUser(t, s, "dsl", model.DutyDSL, `SCHOOL\i.t`)
	both := addUser(t, s, "one", model.DutyIT, "i.t@school.example")
	sign := func(week string, side model.CheckSide, by string, at time.Time) error {
		return s.SignCheck(t.Context(), model.CheckSignature{School: school, Week: week, Side: side, By: by, At: at, Summary: "5 of 5 devices passed"})
	}
	var signed, refused int
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, by := range []string{"it", "it2", "it", "it2"} { // at once
		all.Go(func() {
			err := sign("2026-W47", model.SideIT, by, noon)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				signed++
			case errors.Is(err, ErrSigned):
				refused++
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if signed != 1 || refused != 3 {
		t.Errorf("%d signed and %d were refused", signed, refused)
	}
	if last, err := s.LastSigned(t.Context(), school); err != nil || !last.IsZero() {
		t.Errorf("one signature counts as both: %s, %v", last, err)
	}
	must(t, sign("2026-W47", model.SideSafeguarding, "dsl", noon.Add(time.Hour)))
	if last, err := s.LastSigned(t.Context(), school); err != nil || !last.Equal(noon) {
		t.Errorf("signed by both %s, %v; want as of the first, for that is what both have seen", last, err)
	}
	must(t, sign("2026-W48", model.SideSafeguarding, "dsl", noon))
	if err := sign("2026-W48", model.SideIT, both.ID, noon); !errors.Is(err, ErrSamePerson) {
		t.Errorf("one person for both sides: %v", err)
	}
	if err := sign("2026-W48", model.SideIT, "nobody", noon); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody signed: %v", err)
	}
	sigs, err := s.Signatures(t.Context(), school, "2026-W48")
	must(t, err)
	if len(sigs) != 1 || sigs[0].By != "dsl" || sigs[0].Summary == "" {
		t.Errorf("signatures %+v", sigs)
	}
}

func TestRequestsAreListedWithWhoAnsweredThem(t *testing.T) {
	s := openStore(t)
	for n, id := range []string{"old", "all", "one"} {
		device := map[string]string{"one": "dev-1"}[id]
		must(t, s.RequestCheck(t.Context(), model.CheckRequest{School: school, ID: id, Device: device, At: noon.Add(time.Duration(n) * time.Hour), By: "it", Within: time.Minute}))
	}
	all, err := s.CheckRequests(t.Context(), school, noon.Add(time.Minute))
	must(t, err)
	if len(all) != 2 || all[0].ID != "all" || all[0].Device != "" || all[1].Device != "dev-1" || all[1].Within != time.Minute {
		t.Errorf("requests %+v", all)
	}
	answer := func(c *model.Check) { c.Request = "all" }
	addChecks(t, s, checkOf("dev-1", 1, noon.Add(2*time.Hour), answer), checkOf("dev-1", 2, noon.Add(2*time.Hour), answer), checkOf("dev-2", 1, noon.Add(2*time.Hour)))
	got, err := s.Answered(t.Context(), school, noon)
	must(t, err)
	if len(got) != 1 || len(got["all"]) != 1 || !got["all"]["dev-1"] {
		t.Errorf("answered %v", got)
	}
	if n, _ := s.Changes(t.Context(), school); n[TopicChecks] != 3 {
		t.Errorf("changes %v", n)
	}
}

func TestANetworkThatADeviceHadNotMetCallsForAReviewOnce(t *testing.T) {
	s := openStore(t)
	_, err := s.writer.ExecContext(t.Context(), `INSERT INTO sites (school_id, name, networks, resolvers, unfiltered, changed) VALUES ($1, 'Main', '', '', 0, 0)`, school)
	must(t, err)
	met := func(c *model.Check) { c.NewNetworks = []string{"Main", "Main", "no site of the school's"} }
	filter := func(c *model.Check) {
		c.NewNetworks, c.Results = []string{"Main"}, []model.CheckResult{{Source: "Test page", What: model.CheckFilter, Outcome: model.CheckBlocked}}
	}
	first := checkOf("dev-1", 1, noon, met) // a device's very first check too: it knew the site before
	addChecks(t, s, first, first, checkOf("dev-1", 2, noon.Add(time.Hour)), checkOf("dev-2", 1, noon, met), checkOf("dev-3", 1, noon, filter))
	addChecks(t, s, checkOf("dev-1", 3, noon.Add(2*time.Hour), met))
	reviews, err := s.Reviews(t.Context(), school, time.Time{})
	must(t, err)
	if len(reviews) != 2 || reviews[0].Device != "dev-1" || reviews[1].Device != "dev-2" || reviews[0].What != "new-network" || reviews[0].Now != "Main" {
		t.Errorf("reviews %+v", reviews)
	}
}
