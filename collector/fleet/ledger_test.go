package fleet

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
)

// monday is a Monday of term, before the first bell.
var monday = time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)

// term is a timetable of one site: from September to 18 December, no weekends.
type term struct{}

func (term) SchoolDay(site string, at time.Time) (open, known bool) {
	if site == "elsewhere" {
		return false, false
	}
	day := at.Weekday()
	return day != time.Saturday && day != time.Sunday && at.Before(time.Date(2026, 12, 19, 0, 0, 0, 0, time.UTC)), true
}

// well is a device of which there is nothing to say.
func well(in *facts, id string) {
	in.devices = append(in.devices, model.Device{ID: id, Name: id, OS: "windows", Site: "main", Enrolled: monday.AddDate(0, -2, 0), LastSeen: monday.Add(-time.Minute), Expires: monday.AddDate(0, 1, 0)})
	in.live[id] = Device{LastSeen: monday.Add(-time.Minute), DeviceStatus: model.DeviceStatus{
		Device: id, Said: monday.Add(-time.Minute), Name: id, Version: "v1.2.0", PolicyEpoch: 1, PolicySerial: 5, SpoolEpoch: []byte("e"),
		Sources: []model.SourceState{{Name: "network", State: "running", Seen: 1000}, {Name: "process", State: "running", Seen: 100}},
		Lanes:   []model.LaneState{{Lane: 2, NextSeq: 8}},
	}}
	in.positions[positionKey{id, "e", 2}] = 7
	in.checks[id] = Checked{At: monday.AddDate(0, 0, -3), Passed: true}
}

func someFacts(ids ...string) *facts {
	in := &facts{
		now: monday, live: map[string]Device{}, hardware: map[string]model.Hardware{}, checks: map[string]Checked{}, positions: map[positionKey]uint64{},
		letGo: map[string]uint64{}, removed: map[string]time.Time{}, setUpAnew: map[string]time.Time{}, keyEnded: map[string][]time.Time{}, policy: model.PolicyVersion{Epoch: 1, Serial: 5, Issued: monday.AddDate(0, 0, -2)}, hours: term{}, version: "v1.2.0",
	}
	for _, id := range ids {
		well(in, id)
	}
	return in
}

func (in *facts) change(id string, how func(*Device)) {
	d := in.live[id]
	how(&d)
	in.live[id] = d
}

// codes are why a device stands where it does.
func codes(d model.LedgerDevice) (all []string) {
	for _, c := range d.Causes {
		all = append(all, c.Code)
	}
	return all
}

func find(t *testing.T, l model.Ledger, name string) model.LedgerDevice {
	t.Helper()
	i := slices.IndexFunc(l.Devices, func(d model.LedgerDevice) bool { return d.Name == name })
	if i < 0 {
		t.Fatalf("%s is not in the ledger", name)
	}
	return l.Devices[i]
}

// TestEveryDeviceHasOneStandingAndItsReason goes through what can be amiss, one at
// a time, beside a device that is well.
func TestEveryDeviceHasOneStandingAndItsReason(t *testing.T) {
	days := func(n int) time.Time { return monday.AddDate(0, 0, -n) }
	for what, c := range map[string]struct {
		make     func(in *facts)
		standing model.Standing
		code     string
	}{
		"well":                  {func(*facts) {}, model.StandingProven, ""},
		"no check yet":          {func(in *facts) { delete(in.checks, "it") }, model.StandingUnproven, model.CauseNoCheck},
		"a check that failed":   {func(in *facts) { in.checks["it"] = Checked{At: days(1), Failed: "the program source saw nothing"} }, model.StandingUnproven, model.CauseCheckFailed},
		"a check of long ago":   {func(in *facts) { in.checks["it"] = Checked{At: days(9), Passed: true} }, model.StandingUnproven, model.CauseCheckOld},
		"silent since Thursday": {func(in *facts) { in.seen("it", days(4)) }, model.StandingSilent, model.CauseSilent},
		"shut down on Friday":   {func(in *facts) { in.seen("it", days(3)) }, model.StandingProven, ""},
		"never heard":           {func(in *facts) { in.seen("it", time.Time{}) }, model.StandingSilent, model.CauseSilent},
		"enrolled just now": {func(in *facts) {
			in.seen("it", time.Time{})
			in.devices[1].Enrolled = monday.Add(-time.Hour)
		}, model.StandingUnproven, model.CauseNotHeard},
		"removed":                 {func(in *facts) { in.removed["it"] = monday.Add(-time.Minute) }, model.StandingRemoved, model.CauseRemoved},
		"removed, installed anew": {func(in *facts) { in.removed["it"] = monday.Add(-time.Hour) }, model.StandingProven, ""},
		"refused, and nothing heard since": {func(in *facts) {
			in.seen("it", days(12))
			in.setUpAnew["it"], in.keyEnded["it"] = days(12), []time.Time{days(11), days(10), monday.Add(-time.Hour)}
		}, model.StandingUnproven, model.CauseKeyEnded},
		"refused last month, off since": {func(in *facts) {
			in.seen("it", days(22))
			in.setUpAnew["it"], in.keyEnded["it"] = days(22), []time.Time{days(21)}
		}, model.StandingUnproven, model.CauseKeyEnded},
		"an older copy calls too": {func(in *facts) {
			in.setUpAnew["it"], in.keyEnded["it"] = days(12), []time.Time{days(1), monday.Add(-time.Hour)}
		}, model.StandingProven, model.CauseKeyEnded},
		"connected, and an older copy came just now": {func(in *facts) {
			in.change("it", func(d *Device) { d.Connected = true })
			in.setUpAnew["it"], in.keyEnded["it"] = days(12), []time.Time{monday}
		}, model.StandingProven, model.CauseKeyEnded},
		"an older copy came last week": {func(in *facts) { in.setUpAnew["it"], in.keyEnded["it"] = days(12), []time.Time{days(5)} }, model.StandingProven, ""},
		"refused, and enrolled anew now": {func(in *facts) {
			in.setUpAnew["it"], in.keyEnded["it"] = monday.Add(-time.Hour), []time.Time{monday.Add(-2 * time.Hour)}
		}, model.StandingProven, ""},
		"capture stopped": {func(in *facts) {
			in.change("it", func(d *Device) { d.Sources[0].State, d.Sources[0].Detail = "unavailable", "no rights" })
		}, model.StandingUnproven, model.CauseCaptureStopped},
		"no source at all": {func(in *facts) { in.change("it", func(d *Device) { d.Sources = nil }) }, model.StandingUnproven, model.CauseCaptureStopped},
		"dropping":         {func(in *facts) { in.change("it", func(d *Device) { d.Sources[0].Dropped = 6 }) }, model.StandingUnproven, model.CauseDropping},
		"drops a little":   {func(in *facts) { in.change("it", func(d *Device) { d.Sources[0].Dropped = 3 }) }, model.StandingProven, ""},
		"no rules":         {func(in *facts) { in.change("it", func(d *Device) { d.PolicySerial = 0 }) }, model.StandingUnproven, model.CausePolicyNone},
		"rules for nobody": {func(in *facts) {
			in.policy = model.PolicyVersion{}
			in.change("it", func(d *Device) { d.PolicySerial = 0 })
		}, model.StandingUnproven, model.CausePolicyNone},
		"older rules": {func(in *facts) { in.change("it", func(d *Device) { d.PolicySerial = 4 }) }, model.StandingProven, model.CausePolicyStale},
		"rules on their way": {func(in *facts) {
			in.change("it", func(d *Device) { d.PolicySerial = 4 })
			in.policy.Issued = monday.Add(-10 * time.Minute)
		}, model.StandingProven, ""},
		"clock ahead":  {func(in *facts) { in.change("it", func(d *Device) { d.Skew = 14 * time.Minute }) }, model.StandingProven, model.CauseClock},
		"older agent":  {func(in *facts) { in.change("it", func(d *Device) { d.Version = "v1.1.9-4-gabc" }) }, model.StandingProven, model.CauseVersion},
		"no site":      {func(in *facts) { in.devices[1].Site = "" }, model.StandingProven, model.CauseUngrouped},
		"records lost": {func(in *facts) { in.positions[positionKey{"it", "e", 2}] = 5 }, model.StandingProven, model.CauseLost},
		"still spooled": {func(in *facts) {
			in.positions[positionKey{"it", "e", 2}] = 5
			in.change("it", func(d *Device) { d.Lanes[0].Depth = 2 })
		}, model.StandingProven, ""},
		"records let go": {func(in *facts) { in.letGo["it"] = 12 }, model.StandingProven, model.CauseLetGo},
		"hides its DNS": {func(in *facts) {
			in.change("it", func(d *Device) {
				d.Hidden = model.HiddenDays{Day: "2026-11-23", Today: model.HiddenCounts{"encrypted_dns": 40}}
			})
		}, model.StandingHidden, model.CauseHidden},
		"hid it last week": {func(in *facts) {
			in.change("it", func(d *Device) {
				d.Hidden = model.HiddenDays{Day: "2026-11-20", Today: model.HiddenCounts{"encrypted_dns": 40}}
			})
		}, model.StandingProven, ""},
		"hid a single name": {func(in *facts) {
			in.change("it", func(d *Device) {
				d.Hidden = model.HiddenDays{Day: "2026-11-23", Today: model.HiddenCounts{"encrypted_dns": 1}}
			})
		}, model.StandingProven, ""},
		"in a tunnel": {func(in *facts) {
			in.change("it", func(d *Device) {
				d.Hidden = model.HiddenDays{Day: "2026-11-22", Today: model.HiddenCounts{"wireguard": 3}}
			})
		}, model.StandingHidden, model.CauseHidden},
		"two of one hardware": {func(in *facts) {
			in.hardware["it"], in.hardware["other"] = model.Hardware{Serial: "5CD1234"}, model.Hardware{Serial: "5cd 1234"}
		}, model.StandingProven, model.CauseSameHardware},
		"two without a number": {func(in *facts) {
			in.hardware["it"], in.hardware["other"] = model.Hardware{Serial: "To be filled by O.E.M."}, model.Hardware{Serial: "To be filled by O.E.M."}
		}, model.StandingProven, ""},
	} {
		t.Run(what, func(t *testing.T) {
			in := someFacts("other", "it")
			c.make(in)
			l := draw(*in)
			d := find(t, l, "it")
			if d.Standing != c.standing || c.code == "" && len(d.Causes) > 0 || c.code != "" && !slices.Contains(codes(d), c.code) {
				t.Errorf("stands %s because of %v, want %s because of %q", d.Standing, codes(d), c.standing, c.code)
			}
			for _, cause := range d.Causes {
				if !strings.HasSuffix(cause.Text, ".") || strings.Contains(cause.Text, "  ") {
					t.Errorf("%q is no sentence", cause.Text)
				}
			}
			adds(t, l, 2)
		})
	}
}

func (in *facts) seen(id string, at time.Time) {
	in.change(id, func(d *Device) { d.LastSeen = at })
	for i := range in.devices {
		if in.devices[i].ID == id {
			in.devices[i].LastSeen = at
			if at.IsZero() {
				in.devices[i].Enrolled = monday.AddDate(0, 0, -7)
			}
		}
	}
}

// adds checks that a ledger adds up to so many.
func adds(t *testing.T, l model.Ledger, want int) {
	t.Helper()
	var standing, kinds, sites int
	for _, n := range l.Counts {
		standing += n
	}
	for _, k := range l.Kinds {
		kinds += k.Issued
	}
	for _, s := range l.Sites {
		sites += s.Issued
	}
	if l.Issued != want || standing != want || kinds != want || sites != want {
		t.Errorf("issued %d, by standing %d, by kind %d, by site %d; want %d", l.Issued, standing, kinds, sites, want)
	}
}

// TestADeviceThatIsOffInTheHolidaysIsNotSilent, and is proven no longer than its
// check says.
func TestADeviceThatIsOffInTheHolidaysIsNotSilent(t *testing.T) {
	in := someFacts("it", "forgotten")
	lastDay := time.Date(2026, 12, 18, 15, 30, 0, 0, time.UTC)
	for _, id := range []string{"it", "forgotten"} {
		in.seen(id, lastDay)
		in.checks[id] = Checked{At: lastDay.AddDate(0, 0, -2), Passed: true}
	}
	in.checks["forgotten"] = Checked{At: lastDay.AddDate(0, 0, -20), Passed: true}
	for day, want := range map[int]model.Standing{0: model.StandingProven, 2: model.StandingProven, 10: model.StandingOff, 17: model.StandingOff} {
		in.now = lastDay.AddDate(0, 0, day)
		if d := find(t, draw(*in), "it"); d.Standing != want {
			t.Errorf("%d days on: %s because of %v, want %s", day, d.Standing, codes(d), want)
		}
		if d := find(t, draw(*in), "forgotten"); d.Standing != model.StandingUnproven {
			t.Errorf("%d days on, one that was not proven: %s", day, d.Standing)
		}
	}
	// Where no timetable reaches, a weekday is one of school.
	in.hours = nil
	in.now = lastDay.AddDate(0, 0, 10)
	if d := find(t, draw(*in), "it"); d.Standing != model.StandingSilent {
		t.Errorf("without hours: %s", d.Standing)
	}
}

// TestSilenceIsCountedInWholeDaysOfSchool: on the morning after, a laptop in its
// trolley is no silence.
func TestSilenceIsCountedInWholeDaysOfSchool(t *testing.T) {
	b := &drawing{facts: *someFacts()}
	for since, want := range map[string]int{"2026-11-23": 0, "2026-11-20": 0, "2026-11-19": 1, "2026-11-13": 5, "2026-11-22": 0} {
		at, err := time.Parse(time.DateOnly, since)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.missed("main", at.Add(23*time.Hour)); got != want {
			t.Errorf("since %s: %d days, want %d", since, got, want)
		}
	}
}

// TestWhatIsIssuedIsMatchedByNumberThenByName, and once.
func TestWhatIsIssuedIsMatchedByNumberThenByName(t *testing.T) {
	in := someFacts("lt-1", "lt-2", "lt-3", "lt-4")
	in.hardware["lt-1"] = model.Hardware{Serial: "SER1"}
	in.hardware["lt-3"] = model.Hardware{Serial: "SER3-NEW"}
	in.inventories = []model.InventoryAt{{Source: "intune"}}
	in.issued = []model.Issued{
		{Source: "intune", Key: "1", Serial: "ser1", Name: "another-name", Kind: model.KindWindows, Site: "main"},
		{Source: "intune", Key: "2", Name: "LT-2.school.example", Kind: model.KindWindows, Site: "main"},
		{Source: "intune", Key: "3", Serial: "SER3", Name: "lt-3", Kind: model.KindWindows, Site: "main"}, // replaced: the name went on
		{Source: "intune", Key: "9", Serial: "SER9", Name: "lt-9", Kind: model.KindWindows, Site: "main"},
		{Source: "list", Key: "9", Serial: "SER9", Name: "lt-9", Kind: model.KindWindows, Site: "main"}, // the same in another export
		{Source: "intune", Key: "4", Serial: "SER4", Name: "lt-4", Kind: model.KindWindows, Gone: monday},
		{Source: "intune", Key: "5", Serial: "SER5", Name: "lt-5", Kind: model.KindWindows, Gone: monday},
	}
	l := draw(*in)
	adds(t, l, 6) // four enrolled, ser3 and ser9
	for name, want := range map[string]string{"lt-1": "", "lt-2": "", "lt-3": model.CauseNotListed, "lt-4": model.CauseNotListed, "lt-9": model.CauseNeverEnrolled} {
		d := find(t, l, name)
		if name == "lt-3" { // of two of that name, the enrolled one
			d = l.Devices[slices.IndexFunc(l.Devices, func(d model.LedgerDevice) bool { return d.ID == "lt-3" })]
		}
		if got := strings.Join(codes(d), " "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if l.Counts[model.StandingNone] != 2 || l.Counts[model.StandingProven] != 4 {
		t.Errorf("counts %v", l.Counts)
	}
}

// TestCountsAndListsAreNotAddedUp: what somebody counted and what an export lists
// are mostly the same devices.
func TestCountsAndListsAreNotAddedUp(t *testing.T) {
	in := someFacts("lt-1", "lt-2")
	for i := range 5 {
		in.issued = append(in.issued, model.Issued{Source: "google", Key: fmt.Sprint(i), Serial: fmt.Sprint("CHROME", i), Kind: model.KindChromebook, Site: "main"})
	}
	in.expected = []model.Expected{
		{Kind: model.KindWindows, Site: "main", Count: 3},
		{Kind: model.KindChromebook, Site: "main", Count: 4},
		{Kind: model.KindTablet, Site: "main", Count: 32},
		{Kind: model.KindTablet, Site: "annexe", Count: 8},
		{Kind: model.KindGuest, Count: 20},
	}
	l := draw(*in)
	adds(t, l, 3+5+40+20)
	if n := l.Counts[model.StandingNone]; n != 1+5+40+20 {
		t.Errorf("%d are not monitored", n)
	}
}

// TestSeenByALogOnlyIsTrueOnlyWhileALogIsFollowed, and where somebody said so.
func TestSeenByALogOnlyIsTrueOnlyWhileALogIsFollowed(t *testing.T) {
	in := someFacts("proxy")
	in.expected = []model.Expected{{Kind: model.KindTablet, Site: "main", Count: 32, InLog: true}, {Kind: model.KindGuest, Site: "annexe", Count: 3, InLog: true}, {Kind: model.KindChromebook, Count: 4}}
	standing := func() (log, none int) {
		l := draw(*in)
		adds(t, l, 40)
		return l.Counts[model.StandingLog], l.Counts[model.StandingNone]
	}
	if log, none := standing(); log != 0 || none != 39 {
		t.Errorf("nobody follows a log: %d seen by one, %d not", log, none)
	}
	in.change("proxy", func(d *Device) {
		d.Sources = append(d.Sources, model.SourceState{Name: "weblog:squid:/var/log/squid/access.log", State: "running", Seen: 10})
	})
	if log, none := standing(); log != 32 || none != 7 { // the annexe has another log
		t.Errorf("the log of one site is followed: %d seen by one, %d not", log, none)
	}
	in.change("proxy", func(d *Device) { d.Sources[2].State, d.Sources[2].Detail = "unavailable", "no such file" })
	if log, none := standing(); log != 0 || none != 39 {
		t.Errorf("the log stands still: %d seen by one, %d not", log, none)
	}
}

func TestHiddenNamesAreCountedByTheDay(t *testing.T) {
	day := monday
	var h model.HiddenDays
	say := func(n uint64) { h = hiddenSince(h, model.HiddenCounts{"ech": n}, day) }
	lately := func() uint64 { return hiddenLately(h, day)["ech"] }
	say(5)
	say(5)
	say(9)
	if got := lately(); got != 9 {
		t.Errorf("%d today, want 9", got)
	}
	say(2) // the agent was started anew
	if got := lately(); got != 11 {
		t.Errorf("%d after a restart, want 11", got)
	}
	day = day.AddDate(0, 0, 1)
	say(3)
	if got := lately(); got != 12 || h.Today["ech"] != 1 {
		t.Errorf("%d with yesterday's, %d today; want 12 and 1", got, h.Today["ech"])
	}
	day = day.AddDate(0, 0, 2)
	if got := lately(); got != 0 {
		t.Errorf("%d after two days of silence", got)
	}
	say(3)
	if got := lately(); got != 0 {
		t.Errorf("%d of what was counted before", got)
	}
}

func TestVersionsAreComparedAsReleases(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"v1.2.0", "v1.2.0"}: false, {"v1.1.9", "v1.2.0"}: true, {"1.10.0", "v1.9.0"}: false, {"v1.9.0", "1.10.0"}: true,
		{"v1.2.0-3-gabc", "v1.2.0"}: false, {"dev", "v1.2.0"}: false, {"v1.2.0", "dev"}: false, {"", "v1.2.0"}: false, {"v1.2.x", "v1.3.0"}: false,
	} {
		if behind(pair[0], pair[1]) != want {
			t.Errorf("%s behind %s: %t", pair[0], pair[1], !want)
		}
	}
}

// TestG15ARefusedDeviceSaysSinceWhenAndWhatToDoAndBlamesNobody.
func TestG15ARefusedDeviceSaysSinceWhenAndWhatToDoAndBlamesNobody(t *testing.T) {
	in := someFacts("it")
	first := monday.AddDate(0, 0, -11)
	in.seen("it", first.Add(-time.Hour))
	in.setUpAnew["it"] = first.Add(-time.Hour)
	in.keyEnded["it"] = []time.Time{first.Add(-48 * time.Hour), first, monday.Add(-time.Hour)} // the first was of another key
	d := find(t, draw(*in), "it")
	if len(d.Causes) != 1 || !d.Causes[0].Since.Equal(first) || !d.Causes[0].Unproves {
		t.Fatalf("it says %+v", d.Causes)
	}
	for _, c := range []model.Cause{d.Causes[0], causeOlderCopy(first)} {
		said := c.Text + " " + c.Mend
		if !strings.Contains(strings.ToLower(c.Text), "older copy") { // the device itself may be off
			t.Errorf("%q takes the one that is refused for the device itself", said)
		}
		if !strings.Contains(said, "set up anew") || !strings.Contains(said, "device.key") || !strings.Contains(said, "a new token") {
			t.Errorf("%q does not say what happened and what to do", said)
		}
		for _, blame := range []string{"stolen", "suspicious", "attack", "unauthor", "pupil"} {
			if strings.Contains(strings.ToLower(said), blame) {
				t.Errorf("%q accuses", said)
			}
		}
	}
}

// TestG15AnImagesLaptopsAreOneLineForITWithTheirNumber, and each page says so too.
func TestG15AnImagesLaptopsAreOneLineForITWithTheirNumber(t *testing.T) {
	in := someFacts("image", "lt1", "lt2", "lt3", "lt4", "lt5")
	for i := range in.devices[1:] {
		in.devices[1+i].KeyHash = []byte("one key")
	}
	in.devices[0].KeyHash = []byte("its own")
	in.copied = map[string]model.Copied{"image": {Noticed: 299, Waiting: 12, First: monday.Add(-time.Hour)}}
	l := draw(*in)
	if len(l.Notes) != 2 {
		t.Fatalf("notes %+v", l.Notes)
	}
	for i, want := range []string{"image was copied after it had enrolled: 299 copies called with its key, and 12 of them are not devices of their own yet", "5 enrolled devices have one key between them, as their disk was copied after the agent had made it: lt1, lt2, lt3 and 2 more."} {
		if !strings.HasPrefix(l.Notes[i].Text, want) || l.Notes[i].Mend == "" {
			t.Errorf("it says %q, want %q", l.Notes[i].Text, want)
		}
	}
	if d := find(t, l, "image"); d.Standing != model.StandingUnproven || !slices.Contains(codes(d), model.CauseCopied) {
		t.Errorf("the copied one stands %s because of %v: what stands under its name may be another’s", d.Standing, codes(d))
	}
	if d := find(t, l, "lt3"); d.Standing != model.StandingProven || !slices.Contains(codes(d), model.CauseSharedKey) {
		t.Errorf("one of those with a key between them stands %s because of %v", d.Standing, codes(d))
	}
	in.copied["image"] = model.Copied{Noticed: 1, Own: 1, First: monday}
	if d := find(t, draw(*in), "image"); d.Standing != model.StandingProven {
		t.Errorf("its copy has split, and it stands %s", d.Standing)
	}
	in.copied["image"] = model.Copied{Noticed: 3, Own: 2, First: monday}
	if c, _ := (&drawing{facts: *in}).causeCopied(&model.LedgerDevice{ID: "image"}); c.Unproves || strings.Contains(c.Text, "each became") || !strings.Contains(c.Text, "3 copies called with its key, and 1 did not become a device of its own and did not call in the last hour") || c.Mend == "" {
		t.Errorf("a copy was switched off before it split, and it says %+v", c)
	}
}
