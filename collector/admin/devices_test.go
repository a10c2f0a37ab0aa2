package admin_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/collector/admin"
	"safelight/collector/model"
)

const export = "Device name,Serial number,OS,Primary user UPN\nLT-1,5CD0001,Windows,demo@school.example\nLT-2,5CD0002,Windows,\nLT-3,5CD0003,Windows,\nTrolley 3,,Windows,\nLT-5,5CD0005,Windows,\n"

// TestAnExportIsTakenOverWholeOrNotAtAll, and the same one again changes nothing.
func TestAnExportIsTakenOverWholeOrNotAtAll(t *testing.T) {
	h := newHouse(t)
	h.device("d1") // "Trolley 3"
	load := func(data string, more ...func(*admin.DeviceImport)) (admin.DeviceImported, error) {
		req := admin.DeviceImport{Name: "intune.csv", Data: []byte(data)}
		for _, f := range more {
			f(&req)
		}
		if _, err := h.ask("device/import", req); err != nil {
			return admin.DeviceImported{}, err
		}
		return admin.DeviceImported{}, nil
	}
	plan := one[admin.DeviceImported](h, "device/import", admin.DeviceImport{Name: "intune.csv", Data: []byte(export), DryRun: true})
	if plan.Added != 5 || plan.Source != "intune" || !plan.DryRun || len(plan.Details) != 5 || !slices.Equal(plan.Ignored, []string{"Primary user UPN"}) {
		t.Errorf("planned %+v", plan)
	}
	if c := one[admin.Coverage](h, "coverage", admin.Nothing{}); c.Issued != 1 {
		t.Errorf("a dry run made it %d issued", c.Issued)
	}
	_, err := load(export + "LT-6,5CD0006,BeOS,\n")
	wantError(t, err, "reading devices intune.csv", `line 7, column "OS"`)
	if c := one[admin.Coverage](h, "coverage", admin.Nothing{}); c.Issued != 1 {
		t.Errorf("a wrong file made it %d issued", c.Issued)
	}
	_, err = load(export)
	must(t, err)
	c := one[admin.Coverage](h, "coverage", admin.Nothing{})
	if c.Issued != 5 || c.None != 4 || c.Silent != 0 || len(c.Exports) != 1 || c.Exports[0].File != "intune.csv" {
		t.Errorf("coverage %+v", c)
	}
	again := one[admin.DeviceImported](h, "device/import", admin.DeviceImport{Name: "intune.csv", Data: []byte(export)})
	if again.Unchanged != 5 || again.Added+again.Changed+again.Gone+again.Back != 0 {
		t.Errorf("the same again: %+v", again)
	}
	// Half of it: refused until it is meant; then marked, and back with the next.
	half := strings.Join(strings.SplitAfter(export, "\n")[:4], "")
	_, err = load(half)
	wantError(t, err, "2 of the 5 devices", "--accept-removals")
	_, err = load(half, func(r *admin.DeviceImport) { r.AcceptRemovals = true })
	must(t, err)
	gone, err := h.store.Issued(t.Context(), school)
	must(t, err)
	if n := slices.IndexFunc(gone, func(d model.Issued) bool { return d.Serial == "5CD0005" }); len(gone) != 5 || n < 0 || gone[n].Gone.IsZero() {
		t.Errorf("after half of it: %+v", gone)
	}
	if back := one[admin.DeviceImported](h, "device/import", admin.DeviceImport{Name: "intune.csv", Data: []byte(export)}); back.Back != 2 || back.Unchanged != 3 {
		t.Errorf("whole again: %+v", back)
	}
}

func TestExpectedNumbersAreCheckedKeptAndTakenAway(t *testing.T) {
	h := newHouse(t)
	for says, req := range map[string]admin.DeviceExpect{
		`kind "toaster": want one of windows`: {Kind: "toaster", Count: 1},
		"want 0 to 100000":                    {Kind: "guest", Count: -1},
		"site set":                            {Kind: "guest", Count: 1, Site: "nowhere"},
	} {
		_, err := h.ask("device/expect", req)
		wantError(t, err, "expecting devices", says)
	}
	one[admin.Done](h, "device/expect", admin.DeviceExpect{Kind: "tablet", Count: 32})
	one[admin.Done](h, "device/expect", admin.DeviceExpect{Kind: "guest", Count: 20, InLog: true})
	c := one[admin.Coverage](h, "coverage", admin.Nothing{})
	if c.Issued != 52 || c.None != 52 || len(c.Devices) != 2 || c.Devices[0].Count+c.Devices[1].Count != 52 {
		t.Errorf("coverage %+v", c)
	}
	if text := strings.Join(c.Lines(), "\n"); !strings.Contains(text, "0 of 52 devices") || !strings.Contains(text, "32 of kind tablet: ") {
		t.Errorf("in words:\n%s", text)
	}
	one[admin.Done](h, "device/expect", admin.DeviceExpect{Kind: "tablet"})
	if c := one[admin.Coverage](h, "coverage", admin.Nothing{}); c.Issued != 20 {
		t.Errorf("after taking the tablets away: %d", c.Issued)
	}
}

// TestTheOneThatNeverCameIsNotLostAmongThoseThatWait: in a roll-out hundreds wait for
// their first check, and coverage named forty devices, the worst first.
func TestTheOneThatNeverCameIsNotLostAmongThoseThatWait(t *testing.T) {
	waits := admin.Why{Code: model.CauseNoCheck, Text: "No check was made on it yet.", Mend: "Wait."}
	c := admin.Coverage{}
	for i := range 299 {
		c.Devices = append(c.Devices, admin.DeviceRow{Name: fmt.Sprintf("LT-%03d", i), Why: []admin.Why{waits}})
	}
	c.Devices[7].Why = append(c.Devices[7].Why, admin.Why{Code: model.CauseClock, Text: "Its clock is 3 hours behind."})
	c.Devices = append(c.Devices, admin.DeviceRow{Name: "LT-300", Why: []admin.Why{{Code: model.CauseNeverEnrolled, Text: "It is issued, and was never enrolled."}}})
	lines := c.Lines()[2:]
	want := []string{"LT-007: Its clock is 3 hours behind.", "LT-300: It is issued, and was never enrolled."}
	if len(lines) != 3 || !slices.Equal(lines[:2], want) {
		t.Fatalf("it says %q, want %q and one line of those that wait", lines, want)
	}
	if shared := lines[2]; !strings.HasPrefix(shared, "299 devices: No check was made on it yet. Wait. (LT-000, LT-001, ") || !strings.HasSuffix(shared, "LT-039 and 259 more: --json names them all)") {
		t.Errorf("of those that wait it says %q", shared)
	}
}

// TestLookingAtDevicesAndChangingWhatIsIssuedIsOnRecord.
func TestLookingAtDevicesAndChangingWhatIsIssuedIsOnRecord(t *testing.T) {
	h := newHouse(t)
	one[admin.DeviceImported](h, "device/import", admin.DeviceImport{Name: "intune.csv", Data: []byte(export)})
	one[admin.Done](h, "device/expect", admin.DeviceExpect{Kind: "guest", Count: 3})
	one[admin.Coverage](h, "coverage", admin.Nothing{})
	must(t, h.store.record.Flush(t.Context()))
	rows, err := h.store.record.Rows(t.Context(), 0, 100)
	must(t, err)
	var done []string
	for _, r := range rows {
		done = append(done, fmt.Sprintf("%+v", r))
	}
	for _, want := range []string{"device.import", "device.expect", "coverage"} {
		if !strings.Contains(strings.Join(done, "\n"), want) {
			t.Errorf("%s is not on record: %s", want, done)
		}
	}
}

// TestLeaveForMoreCopiesIsOfADeviceThatIsEnrolled, of a number that makes sense.
func TestLeaveForMoreCopiesIsOfADeviceThatIsEnrolled(t *testing.T) {
	h := newHouse(t)
	h.device("d1")
	for says, req := range map[string]admin.DeviceSplit{
		"--more 0: want 1 to 2000":    {ID: "d1"},
		"--more 2001: want 1 to 2000": {ID: "d1", More: 2001},
		`the id "d9"`:                 {ID: "d9", More: 1},
	} {
		_, err := h.ask("device/split", req)
		wantError(t, err, "letting more copies", says)
	}
	if done := one[admin.Done](h, "device/split", admin.DeviceSplit{ID: "d1", More: 300}); !strings.Contains(done.Done, "300 more copies of d1") {
		t.Errorf("it says %q", done.Done)
	}
	must(t, h.store.RevokeDevice(t.Context(), school, "d1", time.Now()))
	_, err := h.ask("device/split", admin.DeviceSplit{ID: "d1", More: 1})
	wantError(t, err, `the id "d1"`)
}

// TestANumberThatSomebodyTypedIsNotCountedAsOneDevice, and what mends one device is not
// said of another.
func TestANumberThatSomebodyTypedIsNotCountedAsOneDevice(t *testing.T) {
	c := admin.Coverage{}
	for i := range 8 {
		w := admin.Why{Code: model.CauseNeverEnrolled, Text: "Nothing is heard of it.", Mend: "Enrol it."}
		other := w
		other.Mend = "Ask for it."
		c.Devices = append(c.Devices,
			admin.DeviceRow{Kind: "guest", Site: fmt.Sprint("site ", i), Count: 40, Why: []admin.Why{w}},
			admin.DeviceRow{Name: fmt.Sprint("LT-", i), Why: []admin.Why{w}}, admin.DeviceRow{Name: fmt.Sprint("PC-", i), Why: []admin.Why{other}})
	}
	lines := c.Lines()[2:]
	if len(lines) != 10 || lines[7] != "40 of kind guest at site 7: Nothing is heard of it." ||
		!strings.HasPrefix(lines[8], "8 devices: Nothing is heard of it. Enrol it. (LT-0, ") || !strings.HasPrefix(lines[9], "8 devices: Nothing is heard of it. Ask for it. (PC-0, ") {
		t.Errorf("it says %q", lines)
	}
}
