package admin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"safelight/collector/admin"
	"safelight/collector/model"
	"safelight/internal/pki"
)

// TestWhatCameOfOneKeyIsRevokedByOneCommand: named before, a line on record for each after,
// every one of them, and open streams end once.
func TestWhatCameOfOneKeyIsRevokedByOneCommand(t *testing.T) {
	h := newHouse(t)
	h.device("d1")
	_, err := h.store.DB().ExecContext(t.Context(), `UPDATE schools SET trial = 0`)
	must(t, err)
	for i, id := range []string{"c1", "c2", "cc1"} {
		from := []string{"d1", "d1", "c1"}[i]
		_, err := h.store.SplitDevice(t.Context(), school, model.Split{From: from, Instance: "run " + id, Device: model.Device{ID: id, Name: "Copy " + id, KeyHash: []byte(id), Enrolled: noon, Expires: noon.Add(time.Hour)}})
		must(t, err)
	}
	revoked := func() (n int) {
		t.Helper()
		devices, err := h.store.Devices(t.Context(), school)
		must(t, err)
		for _, d := range devices {
			if !d.Revoked.IsZero() {
				n++
			}
		}
		return n
	}
	for _, bad := range []admin.DeviceRevoke{{}, {Name: "d1", CopiesOf: "d1"}, {Name: "d1", Itself: true}, {Name: "d1", DryRun: true}} {
		_, err := h.ask("device/revoke", bad)
		wantError(t, err, "revoking a device: want one device id")
	}
	_, err = h.ask("device/revoke", admin.DeviceRevoke{CopiesOf: "d9"})
	wantError(t, err, `the id "d9"`, "device list")
	_, err = h.ask("device/revoke", admin.DeviceRevoke{CopiesOf: "c2"})
	wantError(t, err, "nothing that is enrolled came of c2")

	plan := one[admin.DeviceRevoked](h, "device/revoke", admin.DeviceRevoke{CopiesOf: "d1", DryRun: true})
	if text := strings.Join(plan.Lines(), "\n"); !plan.DryRun || !strings.HasPrefix(text, "Nothing was revoked. It would be 3 devices:\n") || !strings.Contains(text, "cc1  Copy cc1") {
		t.Errorf("a dry run says %q", text)
	}
	if revoked() != 0 || h.changed != 0 {
		t.Errorf("a dry run revoked %d and woke the collector %d times", revoked(), h.changed)
	}
	done := one[admin.DeviceRevoked](h, "device/revoke", admin.DeviceRevoke{CopiesOf: "c1"})
	if text := strings.Join(done.Lines(), "\n"); text != "revoked 1 device; c1 itself stays, and more may come of it: `device revoke c1` ends that\ncc1  Copy cc1" {
		t.Errorf("it says %q", text)
	}
	done = one[admin.DeviceRevoked](h, "device/revoke", admin.DeviceRevoke{CopiesOf: "d1", Itself: true})
	if text := strings.Join(done.Lines(), "\n"); text != "revoked 3 devices\nc1  Copy c1\nc2  Copy c2\nd1  Trolley 3" {
		t.Errorf("it says %q", text)
	}
	if revoked() != 4 || h.changed != 2 {
		t.Errorf("%d of 4 are revoked; the collector was woken %d times, want twice", revoked(), h.changed)
	}
	must(t, h.store.record.Flush(t.Context()))
	rows, err := h.store.record.Rows(t.Context(), 0, 1000)
	must(t, err)
	var lines []string
	for _, r := range rows {
		if strings.Contains(string(r.Record), "device.revoke") {
			lines = append(lines, string(r.Record))
		}
	}
	all := strings.Join(lines, "\n")
	for _, id := range []string{"c1", "c2", "d1"} {
		if !strings.Contains(all, `"ref":"device:`+id+`","reason":"","outcome":"one of 3 revoked with what came of device:d1"`) {
			t.Errorf("of %s nothing is on record", id)
		}
	}
	if len(lines) != 4 {
		t.Errorf("on record stand %q", lines)
	}
}

// TestTheCopiesOfADeviceThatWasRevokedBeforeAreRevokedToo, and it is not named again.
func TestTheCopiesOfADeviceThatWasRevokedBeforeAreRevokedToo(t *testing.T) {
	h := newHouse(t)
	h.device("d1")
	_, err := h.store.SplitDevice(t.Context(), school, model.Split{From: "d1", Instance: "second", Device: model.Device{ID: "c1", KeyHash: []byte("c1"), Enrolled: noon, Expires: noon.Add(time.Hour)}})
	must(t, err)
	one[admin.DeviceRevoked](h, "device/revoke", admin.DeviceRevoke{Name: "d1"})
	done := one[admin.DeviceRevoked](h, "device/revoke", admin.DeviceRevoke{CopiesOf: "d1", Itself: true})
	if done.Done != "revoked 1 device" || len(done.Devices) != 1 || done.Devices[0].ID != "c1" {
		t.Errorf("it says %+v", done)
	}
	_, err = h.ask("device/revoke", admin.DeviceRevoke{CopiesOf: "d1", Itself: true})
	wantError(t, err, "nothing that is enrolled came of d1")
}

// TestOnRecordStandsEachOfManyThatWereRevokedWhole: a line with forty names was cut short.
func TestOnRecordStandsEachOfManyThatWereRevokedWhole(t *testing.T) {
	h := newHouse(t)
	of := pki.NewDeviceID()
	h.device(of)
	_, err := h.store.DB().ExecContext(t.Context(), `UPDATE schools SET trial = 0`)
	must(t, err)
	ids := []string{of}
	for i := range 40 {
		id := pki.NewDeviceID()
		_, err := h.store.SplitDevice(t.Context(), school, model.Split{From: of, Instance: fmt.Sprint("run ", i), Device: model.Device{ID: id, KeyHash: []byte(id), Enrolled: noon, Expires: noon.Add(time.Hour)}})
		must(t, err)
		ids = append(ids, id)
	}
	one[admin.DeviceRevoked](h, "device/revoke", admin.DeviceRevoke{CopiesOf: of, Itself: true})
	must(t, h.store.record.Flush(t.Context()))
	rows, err := h.store.record.Rows(t.Context(), 0, 1000)
	must(t, err)
	var all strings.Builder
	for _, r := range rows {
		all.Write(r.Record)
	}
	for _, id := range ids {
		want := fmt.Sprintf(`"what":"device.revoke-copies","ref":"device:%s","reason":"","outcome":"one of 41 revoked with what came of device:%s"`, id, of)
		if !strings.Contains(all.String(), want) {
			t.Errorf("%s is not on record", id)
		}
	}
}
