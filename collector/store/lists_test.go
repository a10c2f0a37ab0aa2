package store

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
)

func leaseOn(list, owner string) model.ListLease {
	return model.ListLease{School: school, List: list, Owner: owner, Until: noon.Add(time.Minute)}
}

// stage lays a version down of some names, one a chunk.
func stage(t *testing.T, s *Store, l model.ListLease, names ...string) int64 {
	t.Helper()
	version, err := s.StageList(t.Context(), l)
	must(t, err)
	var chunks []model.ListChunk
	for _, n := range names {
		chunks = append(chunks, model.ListChunk{Part: model.ListNames, First: []byte(n), Data: []byte("names from " + n)})
	}
	must(t, s.AddListChunks(t.Context(), l, version, chunks))
	return version
}

func claim(t *testing.T, s *Store, l model.ListLease, now time.Time) bool {
	t.Helper()
	ok, err := s.ClaimList(t.Context(), l, now)
	must(t, err)
	return ok
}

func versionOf(l model.ListLease, version, names int64, fetched time.Time) model.ListVersion {
	return model.ListVersion{
		School: school, List: l.List, Version: version, SHA256: []byte("sum"), Fetched: fetched, URL: "https://lists.example/a",
		Format: "domains", Licence: "MIT", From: "Invented lists", Bytes: 10, Names: names, Added: names, Summary: []byte(`{}`),
	}
}

func TestAListIsOneCollectorsToFetchUntilItsLeaseEnds(t *testing.T) {
	s := openStore(t)
	first, second := leaseOn("ut1-adult", "a"), leaseOn("ut1-adult", "b")
	if !claim(t, s, first, noon) || claim(t, s, second, noon) || !claim(t, s, first, noon) {
		t.Fatal("a lease was not the first one's alone")
	}
	if !claim(t, s, second, first.Until) {
		t.Error("a lease outlived its end: the list of a collector that died is never fetched again")
	}
	if _, err := s.StageList(t.Context(), first); err == nil {
		t.Error("a collector went on with a list that another has taken over")
	}
	must(t, s.ReleaseList(t.Context(), first)) // not its own any more
	if claim(t, s, first, noon) {
		t.Error("a collector gave back another one's lease")
	}
	must(t, s.ReleaseList(t.Context(), second))
	if !claim(t, s, first, noon) {
		t.Error("a list that was given back was not free")
	}
	if err := s.NoteList(t.Context(), second, model.ListTry{At: noon}); !errors.Is(err, ErrLeaseLost) {
		t.Errorf("noting without a lease: %v", err)
	}
}

func TestAVersionCutShortIsNeverSeenAndIsSweptAway(t *testing.T) {
	s := openStore(t)
	l := leaseOn("ut1-adult", "a")
	claim(t, s, l, noon)
	cut := stage(t, s, l, "a", "b")
	got, err := s.List(t.Context(), school, "ut1-adult")
	must(t, err)
	if got.Current != 0 {
		t.Fatalf("version %d is in force before it was taken", got.Current)
	}
	must(t, s.SweepList(t.Context(), l, noon))
	if versions, err := s.ListVersions(t.Context(), school, "ut1-adult"); err != nil || len(versions) != 0 {
		t.Errorf("left behind: %v, %v", versions, err)
	}
	if _, err := s.ListChunk(t.Context(), school, "ut1-adult", cut, model.ListNames, []byte("z")); !errors.Is(err, ErrNotFound) {
		t.Errorf("its names were left behind: %v", err)
	}
}

func TestTheLastTwoVersionsAreKeptAndWhatOlderOnesLost(t *testing.T) {
	s := openStore(t)
	l := leaseOn("ut1-adult", "a")
	claim(t, s, l, noon)
	for i := range 4 {
		at := noon.Add(time.Duration(i) * 24 * time.Hour)
		v := stage(t, s, l, "a", fmt.Sprint("m", i), "z")
		must(t, s.AddListChunks(t.Context(), l, v, []model.ListChunk{{Part: model.ListRemoved, First: []byte("m"), Data: []byte("gone")}}))
		try := model.ListTry{At: at, Due: at.Add(time.Hour), URL: "u", ETag: "e"}
		must(t, s.TakeList(t.Context(), l, versionOf(l, v, 3, at), &try, "list.refresh", at))
		must(t, s.SweepList(t.Context(), l, noon.Add(time.Hour)))
	}
	got, err := s.List(t.Context(), school, "ut1-adult")
	must(t, err)
	if got.Current != 4 || got.Previous != 3 || got.ETag != "e" || !got.Checked.Equal(noon.Add(72*time.Hour)) {
		t.Fatalf("list = %+v", got)
	}
	var states []string
	versions, err := s.ListVersions(t.Context(), school, "ut1-adult")
	must(t, err)
	for _, v := range versions {
		states = append(states, fmt.Sprint(v.Version, v.State))
	}
	if got := strings.Join(states, " "); got != "4kept 3kept 2gone" {
		t.Errorf("versions: %s", got)
	}
	for _, c := range []struct {
		version int64
		part    model.ListPart
		key     string
		first   string
	}{
		{4, model.ListNames, "m3", "m3"},
		{4, model.ListNames, "m9", "m3"},
		{3, model.ListNames, "b", "a"},
		{3, model.ListNames, "A", ""},
		{2, model.ListNames, "z", ""},
		{2, model.ListRemoved, "z", "m"},
		{1, model.ListRemoved, "z", ""},
	} {
		chunk, err := s.ListChunk(t.Context(), school, "ut1-adult", c.version, c.part, []byte(c.key))
		if string(chunk.First) != c.first || (c.first == "") != errors.Is(err, ErrNotFound) {
			t.Errorf("%+v: %q, %v", c, chunk.First, err)
		}
	}
}

func TestAListIsReadInOrderWithoutHoldingAConnection(t *testing.T) {
	s := openStore(t)
	l := leaseOn("ut1-adult", "a")
	claim(t, s, l, noon)
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("n%03d", i))
	}
	v := stage(t, s, l, names...)
	var read []string
	var after []byte
	for {
		chunks, err := s.ListChunksAfter(t.Context(), school, "ut1-adult", v, model.ListNames, after, 7)
		must(t, err)
		if len(chunks) == 0 {
			break
		}
		for _, c := range chunks {
			read = append(read, string(c.First))
			after = bytes.Clone(c.First)
		}
	}
	if strings.Join(read, " ") != strings.Join(names, " ") {
		t.Errorf("read %v", read)
	}
}

func TestASourceThatFailsStandsAsAWarningSinceItBegan(t *testing.T) {
	s := openStore(t)
	l := leaseOn("phish", "a")
	claim(t, s, l, noon)
	for i := range 3 {
		at := noon.Add(time.Duration(i) * time.Hour)
		must(t, s.NoteList(t.Context(), l, model.ListTry{At: at, Due: at.Add(time.Hour), Problem: "no answer"}))
	}
	got, err := s.List(t.Context(), school, "phish")
	must(t, err)
	if !got.Failing.Equal(noon) || got.Failures != 3 || got.Problem != "no answer" || !got.Checked.IsZero() {
		t.Errorf("list = %+v", got)
	}
	must(t, s.NoteList(t.Context(), l, model.ListTry{At: noon.Add(3 * time.Hour), ETag: "e"}))
	if got, _ = s.List(t.Context(), school, "phish"); !got.Failing.IsZero() || got.Failures != 0 || got.Problem != "" || got.ETag != "e" {
		t.Errorf("mended: %+v", got)
	}
	health, err := s.Health(t.Context(), school, noon)
	must(t, err)
	var said []string
	for _, h := range health {
		said = append(said, h.Topic+": "+h.Detail)
	}
	if got := strings.Join(said, "; "); got != "list-source: list phish fails: no answer; list-source: list phish works again" {
		t.Errorf("health events: %s", got)
	}
}

func TestARefusedVersionWaitsBesideTheOneInForce(t *testing.T) {
	s := openStore(t)
	l := leaseOn("ut1-adult", "a")
	claim(t, s, l, noon)
	good := stage(t, s, l, "a")
	must(t, s.TakeList(t.Context(), l, versionOf(l, good, 1, noon), nil, "list.import", noon))
	small := stage(t, s, l, "b")
	must(t, s.OfferList(t.Context(), l, versionOf(l, small, 1, noon), &model.ListTry{At: noon}, "fewer names", noon))
	must(t, s.SweepList(t.Context(), l, noon))
	got, err := s.List(t.Context(), school, "ut1-adult")
	must(t, err)
	if got.Current != good || got.Offered != small || got.Problem != "fewer names" {
		t.Fatalf("list = %+v", got)
	}
	must(t, s.NoteList(t.Context(), l, model.ListTry{At: noon.Add(time.Hour)})) // the source says the same again
	if got, _ = s.List(t.Context(), school, "ut1-adult"); got.Problem != "fewer names" {
		t.Error("the warning went although the version still waits")
	}
	must(t, s.TakeList(t.Context(), l, versionOf(l, small, 1, noon), nil, "list.accept", noon))
	if got, _ = s.List(t.Context(), school, "ut1-adult"); got.Current != small || got.Previous != good || got.Offered != 0 || got.Problem != "" {
		t.Errorf("accepted: %+v", got)
	}
}

// A database that was put back may be older than what devices judge by: the sources
// are asked at once, whoever worked on a list in its earlier life.
func TestAfterARestoreEachListIsDueAndFree(t *testing.T) {
	s := openStore(t)
	l := leaseOn("ut1-adult", "lost")
	if !claim(t, s, l, noon) {
		t.Fatal("it was not free")
	}
	must(t, s.NoteList(t.Context(), l, model.ListTry{At: noon, Due: noon.Add(24 * time.Hour), URL: "https://lists.example/a", ETag: `"1"`}))
	must(t, s.ListsRestored(t.Context(), "another school"))
	if list, err := s.List(t.Context(), school, "ut1-adult"); err != nil || list.Due.Before(noon) {
		t.Errorf("another school's: due %s, %v", list.Due, err)
	}
	must(t, s.ListsRestored(t.Context(), school))
	list, err := s.List(t.Context(), school, "ut1-adult")
	if must(t, err); list.Due.After(noon) || list.ETag != `"1"` || !list.Checked.Equal(noon) {
		t.Errorf("due %s, its edition %s, checked %s", list.Due, list.ETag, list.Checked)
	}
	if !claim(t, s, leaseOn("ut1-adult", "restored"), noon) {
		t.Error("it is still somebody's of before the restore")
	}
}
