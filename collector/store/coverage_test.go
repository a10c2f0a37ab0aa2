package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

// TestWhatADeviceSaidLastStays: of two collectors the slower one must not put an
// older word over a newer one.
func TestWhatADeviceSaidLastStays(t *testing.T) {
	s := openStore(t)
	say := func(at time.Time, version string) {
		t.Helper()
		must(t, s.SaveDeviceStatus(t.Context(), school, []model.DeviceStatus{{
			Device: "d1", Said: at, Version: version, Sources: []model.SourceState{{Name: "network", State: "running", Seen: 7}},
			Hidden: model.HiddenDays{Day: "2026-11-20", Today: model.HiddenCounts{"ech": 3}},
		}}))
	}
	say(noon, "v1")
	say(noon.Add(time.Minute), "v2")
	say(noon.Add(time.Second), "late")
	all, err := s.DeviceStatuses(t.Context(), school)
	must(t, err)
	if len(all) != 1 || all[0].Version != "v2" || !all[0].Said.Equal(noon.Add(time.Minute)) || all[0].Device != "d1" || all[0].Sources[0].Seen != 7 || all[0].Hidden.Today["ech"] != 3 {
		t.Errorf("kept %+v", all)
	}
	var many []model.DeviceStatus
	for i := range 2*statusChunk + 1 {
		many = append(many, model.DeviceStatus{Device: fmt.Sprint("many", i), Said: noon})
	}
	must(t, s.SaveDeviceStatus(t.Context(), school, many))
	all, err = s.DeviceStatuses(t.Context(), school)
	if must(t, err); len(all) != len(many)+1 {
		t.Errorf("%d kept, want %d", len(all), len(many)+1)
	}
	other, err := s.DeviceStatuses(t.Context(), "another")
	if must(t, err); len(other) != 0 {
		t.Errorf("another school's devices: %v", other)
	}
}

func inventory(source string, names ...string) model.Inventory {
	in := model.Inventory{Name: source + ".csv", Source: source}
	for _, n := range names {
		in.Devices = append(in.Devices, model.Issued{Key: "name:" + n, Name: n, Kind: model.KindWindows, Site: "main"})
	}
	return in
}

func issuedNames(t *testing.T, s *Store) (here, gone []string) {
	t.Helper()
	all, err := s.Issued(t.Context(), school)
	must(t, err)
	for _, d := range all {
		if name := d.Source + "/" + d.Name; d.Gone.IsZero() {
			here = append(here, name)
		} else {
			gone = append(gone, name)
		}
	}
	return here, gone
}

// TestAnExportMarksWhatIsGoneAndTouchesNoOtherList.
func TestAnExportMarksWhatIsGoneAndTouchesNoOtherList(t *testing.T) {
	s := openStore(t)
	load := func(in model.Inventory, at time.Time) model.InventoryChange {
		t.Helper()
		c, err := s.ImportInventory(t.Context(), school, in, at)
		must(t, err)
		return c
	}
	load(inventory("google", "cb1"), noon)
	load(inventory("intune", "a", "b", "c"), noon)
	if c := load(inventory("intune", "a", "c", "d"), noon.Add(time.Hour)); c.Added != 1 || c.Gone != 1 || c.Unchanged != 2 || c.Before != 3 {
		t.Errorf("changed %+v", c)
	}
	here, gone := issuedNames(t, s)
	if !slices.Equal(here, []string{"google/cb1", "intune/a", "intune/c", "intune/d"}) || !slices.Equal(gone, []string{"intune/b"}) {
		t.Errorf("here %v, gone %v", here, gone)
	}
	if c := load(inventory("intune", "a", "c", "d"), noon.Add(2*time.Hour)); c.Unchanged != 3 || c.Gone+c.Added+c.Back+c.Changed != 0 || c.Before != 3 {
		t.Errorf("the same again: %+v", c)
	}
	all, err := s.Issued(t.Context(), school)
	must(t, err)
	for _, d := range all {
		if d.Name == "b" && !d.Gone.Equal(noon.Add(time.Hour)) || d.Name == "a" && !d.Added.Equal(noon) {
			t.Errorf("its times moved: %+v", d)
		}
	}
	if c := load(inventory("intune", "a", "b", "c", "d"), noon.Add(3*time.Hour)); c.Back != 1 {
		t.Errorf("back %+v", c)
	}
	var rows int
	must(t, s.reader.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM issued WHERE school_id = $1`, school).Scan(&rows))
	if rows != 5 {
		t.Errorf("%d rows are left of five imports, want 5", rows)
	}
}

// TestAnExportThatIsCutShortLeavesNothing, and what an earlier one left behind goes.
func TestAnExportThatIsCutShortLeavesNothing(t *testing.T) {
	s := openStore(t)
	_, err := s.ImportInventory(t.Context(), school, inventory("intune", "a"), noon)
	must(t, err)
	twice := inventory("intune", "x", "y")
	for i := range issuedChunk { // the first chunk is laid down, the second fails
		twice.Devices = append(twice.Devices, model.Issued{Key: fmt.Sprint("k", i), Kind: model.KindTablet})
	}
	twice.Devices = append(twice.Devices, twice.Devices[0])
	if _, err := s.ImportInventory(t.Context(), school, twice, noon); !errors.Is(err, ErrTaken) {
		t.Fatalf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.ImportInventory(ctx, school, inventory("intune", "z"), noon); err == nil {
		t.Error("imported though told to stop")
	}
	here, gone := issuedNames(t, s)
	if !slices.Equal(here, []string{"intune/a"}) || gone != nil {
		t.Errorf("here %v, gone %v", here, gone)
	}
	var rows int
	must(t, s.reader.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM issued WHERE school_id = $1`, school).Scan(&rows))
	if rows != 1 {
		t.Errorf("%d rows, want 1", rows)
	}
}

func TestWhatWasLetGoAndToldIsCountedByDevice(t *testing.T) {
	s := openStore(t)
	gap := func(device string, from, to uint64) model.Gap {
		return model.Gap{School: school, Device: device, Place: model.Place{SpoolEpoch: []byte("e"), Lane: event.Low, Seq: from}, To: to, Reason: "full", Received: noon}
	}
	_, err := s.AppendRecords(t.Context(), school, model.Batch{Gaps: []model.Gap{gap("d1", 1, 3), gap("d1", 7, 7), gap("d2", 1, 1)}})
	must(t, err)
	let, err := s.LetGo(t.Context(), school)
	if must(t, err); let["d1"] != 4 || let["d2"] != 1 || len(let) != 2 {
		t.Errorf("let go %v", let)
	}
	must(t, s.NoteDeviceHealth(t.Context(), school, "d1", "removed", "x", noon))
	must(t, s.NoteDeviceHealth(t.Context(), school, "d1", "removed", "x", noon.Add(time.Hour)))
	must(t, s.NoteDeviceHealth(t.Context(), school, "d2", "clock", "x", noon))
	newest, err := s.NewestHealth(t.Context(), school, "removed")
	if must(t, err); len(newest) != 1 || !newest["d1"].Equal(noon.Add(time.Hour)) {
		t.Errorf("removed %v", newest)
	}
	times, err := s.HealthTimes(t.Context(), school, "removed", noon.Add(-time.Minute))
	if must(t, err); len(times) != 1 || len(times["d1"]) != 2 || !times["d1"][0].Equal(noon) {
		t.Errorf("the times of removed: %v", times)
	}
	events, err := s.HealthOf(t.Context(), school, "d1", noon.Add(time.Minute), 10)
	if must(t, err); len(events) != 1 || events[0].Topic != "removed" {
		t.Errorf("health of d1: %+v", events)
	}
	must(t, s.SavePositions(t.Context(), school, []model.Position{{Device: "d1", SpoolEpoch: []byte("e"), Lane: event.High, Upto: 9}}))
	all, err := s.AllPositions(t.Context(), school)
	if must(t, err); len(all) != 1 || all[0].Lane != event.High || all[0].Upto != 9 || string(all[0].SpoolEpoch) != "e" {
		t.Errorf("positions %+v", all)
	}
}

// TestHardwareIsFoundAmongTheEnrolledAlone: two that enrol as one piece of hardware
// at once are never two devices, and one that was revoked is nobody's to take over.
func TestHardwareIsFoundAmongTheEnrolledAlone(t *testing.T) {
	s := openStore(t)
	must(t, s.AddToken(t.Context(), model.Token{School: school, ID: "t", Hash: []byte("h"), Uses: 5, Created: noon, Expires: noon.Add(time.Hour)}))
	hw := model.Hardware{Serial: "5CD118", ID: "4c4c4544-0031-3110-8052-b4c04f4e3332"}
	enrol := func(id, key string, h model.Hardware, at time.Time) error {
		return s.Enrol(t.Context(), school, []byte("h"), at, model.Device{ID: id, Name: id, KeyHash: []byte(key), Enrolled: at, Expires: at.Add(90 * 24 * time.Hour), Hardware: h})
	}
	find := func() (string, bool) {
		t.Helper()
		d, ok, err := s.DeviceByHardware(t.Context(), school, hw)
		must(t, err)
		return d.ID, ok
	}
	must(t, enrol("d1", "k1", hw, noon))
	if id, ok := find(); !ok || id != "d1" {
		t.Errorf("found %q, %t", id, ok)
	}
	// Another id for hardware that is there: two asked at once, and one is told to again.
	if err := enrol("d2", "k2", hw, noon); err == nil {
		t.Error("one piece of hardware is two devices")
	}
	must(t, enrol("d1", "k2", hw, noon.Add(time.Minute)))
	d, err := s.Device(t.Context(), school, "d1")
	if must(t, err); string(d.KeyHash) != "k2" || !d.Enrolled.Equal(noon) {
		t.Errorf("after it was set up anew: %+v", d)
	}
	keys, err := s.EndedKeys(t.Context(), school)
	if must(t, err); len(keys) != 1 || keys[0].Device != "d1" || string(keys[0].KeyHash) != "k1" {
		t.Errorf("ended keys %q", keys)
	}
	if err := enrol("d1", "k1", hw, noon.Add(time.Minute)); !errors.Is(err, ErrKeyEnded) {
		t.Errorf("enrolled anew with a key that had ended: %v", err)
	}
	said, err := s.HealthOf(t.Context(), school, "d1", noon, 10)
	if must(t, err); len(said) != 1 || said[0].Topic != model.HealthSetUpAnew {
		t.Errorf("IT is told %+v of a device that was set up anew", said)
	}
	must(t, enrol("d1", "k3", hw, noon.Add(2*time.Minute)))
	must(t, s.RevokeDevice(t.Context(), school, "d1", noon.Add(3*time.Minute)))
	if id, ok := find(); ok {
		t.Errorf("found %q, which is revoked", id)
	}
	all, err := s.DeviceHardware(t.Context(), school)
	if must(t, err); all["d1"] != hw {
		t.Errorf("hardware %v", all)
	}
}

// Laptops cloned after the agent made its key have one between them: each that is
// set up anew ends it for itself.
func TestAKeyThatTwoClonesHaveEndsForEach(t *testing.T) {
	s := openStore(t)
	must(t, s.AddToken(t.Context(), model.Token{School: school, ID: "t", Hash: []byte("h"), Uses: 9, Created: noon, Expires: noon.Add(time.Hour)}))
	enrol := func(id, key string) {
		t.Helper()
		must(t, s.Enrol(t.Context(), school, []byte("h"), noon, model.Device{
			ID: id, Name: id, KeyHash: []byte(key), Enrolled: noon, Expires: noon.Add(90 * 24 * time.Hour), Hardware: model.Hardware{Serial: "SERIAL-" + id},
		}))
	}
	for _, id := range []string{"d1", "d2"} {
		enrol(id, "one key")
	}
	for _, id := range []string{"d1", "d2"} {
		enrol(id, "its own "+id)
	}
	keys, err := s.EndedKeys(t.Context(), school)
	must(t, err)
	ended := map[string]string{}
	for _, k := range keys {
		ended[k.Device] = string(k.KeyHash)
	}
	if len(keys) != 2 || ended["d1"] != "one key" || ended["d2"] != "one key" {
		t.Errorf("ended keys %q", ended)
	}
}

func TestExpectedNumbersReplaceEachOther(t *testing.T) {
	s := openStore(t)
	for _, e := range []model.Expected{
		{Kind: model.KindTablet, Site: "main", Count: 3},
		{Kind: model.KindTablet, Count: 4},
		{Kind: model.KindTablet, Site: "main", Count: 5, InLog: true},
		{Kind: model.KindGuest, Count: 9},
		{Kind: model.KindGuest},
	} {
		must(t, s.SetExpected(t.Context(), school, e, noon))
	}
	all, err := s.Expected(t.Context(), school)
	must(t, err)
	if len(all) != 2 || all[0].Count != 4 || all[1].Count != 5 || !all[1].InLog || all[1].Site != "main" {
		t.Errorf("expected %+v", all)
	}
}

// TestWhatGoesOnAllDayIsOneHealthEventADay, of each device and topic for itself.
func TestWhatGoesOnAllDayIsOneHealthEventADay(t *testing.T) {
	s := openStore(t)
	for i, step := range []struct {
		device, topic string
		after         time.Duration
		want          bool
	}{
		{"d1", "key-ended", 0, true},
		{"d1", "key-ended", time.Hour, false},
		{"d2", "key-ended", time.Hour, true},
		{"d1", "clock", time.Hour, true},
		{"d1", "key-ended", 19 * time.Hour, false},
		{"d1", "key-ended", 20 * time.Hour, true},
	} {
		wrote, err := s.NoteDeviceHealthSeldom(t.Context(), school, step.device, step.topic, "x", 20*time.Hour, noon.Add(step.after))
		if must(t, err); wrote != step.want {
			t.Errorf("step %d: wrote %t, want %t", i, wrote, step.want)
		}
	}
	forged := []model.Health{{School: school, Device: "d3", ID: [16]byte{3}, Digest: []byte("d"), At: noon, Received: noon, Topic: "key-ended"}}
	_, err := s.AppendRecords(t.Context(), school, model.Batch{Health: forged})
	must(t, err)
	times, err := s.HealthTimes(t.Context(), school, "key-ended", noon)
	if must(t, err); len(times["d1"]) != 2 || len(times["d2"]) != 1 || len(times["d3"]) != 0 {
		t.Errorf("written %v, want none that a device says of itself", times)
	}
	wrote, err := s.NoteDeviceHealthSeldom(t.Context(), school, "d3", "key-ended", "x", 20*time.Hour, noon.Add(time.Hour))
	if must(t, err); !wrote {
		t.Error("a device keeps the collector from noting what it noticed")
	}
}

// TestADeviceThatWasCopiedIsOneHealthEventHoweverManyCopiesThereAre, and another one
// where it is copied again.
func TestADeviceThatWasCopiedIsOneHealthEventHoweverManyCopiesThereAre(t *testing.T) {
	s := openStore(t)
	for i, first := range []time.Time{noon, noon, noon.Add(48 * time.Hour)} {
		must(t, s.NoteCopies(t.Context(), school, "d1", fmt.Sprint(i+1, " copies"), first, first.Add(time.Minute)))
	}
	events, err := s.HealthOf(t.Context(), school, "d1", noon, 10)
	if must(t, err); len(events) != 2 || events[1].Detail != "2 copies" || events[0].Detail != "3 copies" || !events[1].At.Equal(noon) {
		t.Errorf("written %+v", events)
	}
}
