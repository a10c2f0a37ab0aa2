package console

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"safelight/collector/model"
)

// cameOf has copies of a device become devices of their own.
func (h *house) cameOf(of string, ids ...string) {
	h.t.Helper()
	for _, id := range ids {
		_, err := h.store.SplitDevice(h.t.Context(), school, model.Split{From: of, Instance: "run of " + id, Device: model.Device{
			ID: id, Name: "Copy " + id, OS: "windows", Site: "main", KeyHash: []byte(id), Enrolled: h.now(), Expires: h.now().AddDate(0, 3, 0),
		}})
		must(h.t, err)
	}
}

// enrolledStill are those of some devices that are not revoked.
func (h *house) enrolledStill(ids ...string) (still []string) {
	h.t.Helper()
	for _, id := range ids {
		d, err := h.store.Device(h.t.Context(), school, id)
		if must(h.t, err); d.Revoked.IsZero() {
			still = append(still, id)
		}
	}
	return still
}

// TestITRevokesWhatCameOfOneKeyInOnePressThatNamesTheNumber: no more of it than the page
// said, of the device itself where that is asked for, and also where that was revoked.
func TestITRevokesWhatCameOfOneKeyInOnePressThatNamesTheNumber(t *testing.T) {
	h := newHouse(t)
	h.term()
	b := h.signedIn("it")
	wantNot(t, b.get("/devices/lt3"), "what came of")
	h.cameOf("lt3", "c1", "c2", "c3", "c4", "c5", "c6", "c7")
	h.cameOf("c1", "cc1")

	w := b.get("/devices/lt3")
	want(t, w, http.StatusOK, "8 devices came of copies of LT-104.", "Copy c1, Copy c2, Copy c3, Copy c4, Copy c5 and 3 more", "Yes, end the access of these 8 devices",
		`action="/devices/lt3/copies/revoke"`, `name="count" value="8"`, "And LT-104 itself")
	want(t, b.get("/devices/c1"), http.StatusOK, "8 devices came of copies of LT-104.", "1 device came of a copy of Copy c1.", "Yes, end the access of this device")

	h.cameOf("lt3", "c8")
	w = b.post("/devices/lt3/copies/revoke", "count", "8", "from", "c2")
	if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || to != "/devices/c2?more" {
		t.Fatalf("one more came meanwhile: %d to %q", w.Code, to)
	}
	want(t, b.get("/devices/c2?more"), http.StatusOK, "nothing was revoked", "9 devices came of copies of LT-104.")
	for _, odd := range [][]string{{}, {"count", "many"}, {"count", "-9"}, {"count", "8", "from", "//elsewhere.example"}} {
		if w := b.post("/devices/lt3/copies/revoke", odd...); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/devices/lt3?more" {
			t.Errorf("%q answers %d to %q", odd, w.Code, w.Header().Get("Location"))
		}
	}
	all := []string{"lt3", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "cc1", "c8"}
	if still := h.enrolledStill(all...); len(still) != len(all) {
		t.Fatalf("only %q are left, and nobody said so", still)
	}

	w = b.post("/devices/c1/copies/revoke", "count", "1")
	want(t, b.get(w.Header().Get("Location")), http.StatusOK, "The access of 1 device has ended. It is no longer in the ledger.")
	must(t, h.desk.Revoke(t.Context(), "lt3"))
	want(t, b.get("/devices/lt3"), http.StatusNotFound)
	w = b.get("/devices/c2")
	want(t, w, http.StatusOK, "8 devices came of copies of", `action="/devices/lt3/copies/revoke"`)
	wantNot(t, w, "itself, so that")
	w = b.post("/devices/lt3/copies/revoke", "count", "8", "itself", "1", "from", "c2")
	want(t, b.get(w.Header().Get("Location")), http.StatusOK, "The access of 8 devices has ended.")
	if still := h.enrolledStill(all...); len(still) != 0 {
		t.Errorf("%q are left", still)
	}
	if w := b.post("/devices/lt3/copies/revoke", "count", "8", "from", "//elsewhere.example"); w.Header().Get("Location") != "/devices/lt3" {
		t.Errorf("somebody was faster: %d to %q", w.Code, w.Header().Get("Location"))
	}
	wantNot(t, b.get("/devices?revoked_copies=%3Cscript%3E"), "has ended")
}

func TestADeviceIsRevokedWithItsCopiesWhereITSaysSo(t *testing.T) {
	h := newHouse(t)
	h.term()
	h.cameOf("lt3", "c1", "c2")
	w := h.signedIn("it").post("/devices/lt3/copies/revoke", "count", "2", "itself", "1")
	if to := w.Header().Get("Location"); to != "/devices?revoked_copies=3" {
		t.Errorf("it leads to %q", to)
	}
	if still := h.enrolledStill("lt3", "c1", "c2"); len(still) != 0 {
		t.Errorf("%q are left", still)
	}
}

// TestAnAddressThatNamesNoDeviceIsAskedOfNoStore: PostgreSQL fails at some of them.
func TestAnAddressThatNamesNoDeviceIsAskedOfNoStore(t *testing.T) {
	h := newHouse(t)
	b := h.signedIn("it")
	for _, id := range []string{"%00", "device%2099", "%ff", "d%C3%A9vice", strings.Repeat("a", 65), "device-99"} {
		for _, path := range []string{"copies/revoke", "check", "revoke"} {
			if w := b.post(fmt.Sprintf("/devices/%s/%s", id, path)); w.Code != http.StatusNotFound {
				t.Errorf("%s of %q answers %d", path, id, w.Code)
			}
		}
	}
	for _, id := range []string{"%00", "", "a/b"} {
		if plainID(id) {
			t.Errorf("%q could be a device's", id)
		}
	}
}
