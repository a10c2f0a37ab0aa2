package enrol_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"safelight/collector/enrol"
	"safelight/collector/model"
)

// laptop is one piece of hardware.
var laptop = model.Hardware{Serial: "5CD118ABC", ID: "4c4c4544-0031-3110-8052-b4c04f4e3332"}

// enrolledAs enrols with a new key, as after a disk was wiped.
func (h *house) enrolledAs(hw model.Hardware, token string) (*device, error) {
	h.t.Helper()
	d := h.stranger()
	d.hw = hw
	resp, err := d.enrol(token)
	if err != nil {
		return d, err
	}
	d.id = resp.GetDeviceId()
	d.hold(resp.GetCertificatesDer())
	return d, nil
}

// follow does what the collector's changes do after an enrolment.
func (h *house) follow() {
	h.t.Helper()
	keys, err := h.store.EndedKeys(h.t.Context(), school)
	must(h.t, err)
	h.gate.SetEnded(keys)
}

// TestADeviceThatIsSetUpAnewIsTheSameDeviceWithANewKey: its history goes on, the
// old key is worth nothing, and the stream that it had ends.
func TestADeviceThatIsSetUpAnewIsTheSameDeviceWithANewKey(t *testing.T) {
	h := newHouse(t)
	token := h.token(5, time.Hour)
	old, err := h.enrolledAs(laptop, token)
	must(t, err)
	stream := old.watch()
	again, err := h.enrolledAs(model.Hardware{Serial: " 5cd 118abc", ID: strings.ToUpper(laptop.ID)}, token)
	must(t, err)
	h.follow()
	if again.id != old.id {
		t.Fatalf("it is device %s, and was %s", again.id, old.id)
	}
	if _, err := stream.Recv(); err == nil {
		t.Error("the old key's stream goes on")
	}
	<-h.ended
	_, err = old.resolve()
	wantStatus(t, err, codes.PermissionDenied, enrol.ErrReplaced.Error())
	_, err = old.renew(old.key)
	wantStatus(t, err, codes.PermissionDenied, enrol.ErrReplaced.Error())
	if answer, err := again.resolve(); err != nil || answer.GetPseudonym() != old.id {
		t.Errorf("the new key: %v, %v", answer, err)
	}
	devices, err := h.store.Devices(t.Context(), school)
	if must(t, err); len(devices) != 1 {
		t.Errorf("%d devices, want one", len(devices))
	}
	tokens, err := h.store.Tokens(t.Context(), school)
	if must(t, err); tokens[0].Used != 2 {
		t.Errorf("the token was used %d times, want 2", tokens[0].Used)
	}
}

// TestOnlyALiveTokenOfTheSchoolSetsADeviceUpAnew: who merely knows a serial number,
// which is printed on the device, gets nowhere.
func TestOnlyALiveTokenOfTheSchoolSetsADeviceUpAnew(t *testing.T) {
	h := newHouse(t)
	old, err := h.enrolledAs(laptop, h.token(1, time.Hour))
	must(t, err)
	spent, late := h.token(1, time.Hour), h.token(1, time.Minute)
	_, err = h.enrolledAs(model.Hardware{Serial: "SPENDS-IT"}, spent)
	must(t, err)
	h.clock.pass(2 * time.Minute)
	for _, token := range []string{"nobody's", spent, late} {
		_, err := h.enrolledAs(laptop, token)
		wantStatus(t, err, codes.PermissionDenied, "ask for a new one")
	}
	h.follow()
	_, err = old.resolve()
	must(t, err)
}

// TestAKeyThatHasEndedEnrolsItsDeviceNoMore: whoever restores an older disk is told
// what to do, instead of spending a token on a key that the gate turns away.
func TestAKeyThatHasEndedEnrolsItsDeviceNoMore(t *testing.T) {
	h := newHouse(t)
	token := h.token(5, time.Hour)
	old, err := h.enrolledAs(laptop, token)
	must(t, err)
	again, err := h.enrolledAs(laptop, token)
	must(t, err)
	_, err = old.enrol(token)
	wantStatus(t, err, codes.PermissionDenied, "remove device.key")
	h.follow()
	_, err = again.resolve()
	must(t, err)
	tokens, err := h.store.Tokens(t.Context(), school)
	if must(t, err); tokens[0].Used != 2 {
		t.Errorf("the token was used %d times, want 2", tokens[0].Used)
	}
}

// TestLaptopsCopiedWithOneKeyEndApart: of a disk that had made a key, and was copied
// before it enrolled, setting up one laptop does not cut the others off.
func TestLaptopsCopiedWithOneKeyEndApart(t *testing.T) {
	h := newHouse(t)
	token := h.token(5, time.Hour)
	one, err := h.enrolledAs(laptop, token)
	must(t, err)
	other := h.stranger()
	other.key, other.hw = one.key, model.Hardware{Serial: "5CD118XYZ"}
	resp, err := other.enrol(token)
	must(t, err)
	other.hold(resp.GetCertificatesDer())
	_, err = h.enrolledAs(laptop, token)
	must(t, err)
	h.follow()
	_, err = one.resolve()
	wantStatus(t, err, codes.PermissionDenied, enrol.ErrReplaced.Error())
	_, err = other.resolve()
	must(t, err)
}

// TestOtherHardwareIsAnotherDevice, and so are machines that say nothing of
// themselves, and one that was revoked.
func TestOtherHardwareIsAnotherDevice(t *testing.T) {
	h := newHouse(t)
	token := h.token(9, time.Hour)
	first, err := h.enrolledAs(laptop, token)
	must(t, err)
	must(t, h.store.RevokeDevice(t.Context(), school, first.id, h.clock.now()))
	ids := map[string]bool{first.id: true}
	for _, hw := range []model.Hardware{
		{Serial: "To be filled by O.E.M."},
		{Serial: "To be filled by O.E.M."},
		laptop, // it was revoked: whoever enrols it begins anew
		{Serial: laptop.Serial, ID: "4c4c4544-0031-3110-8052-b4c04f4e9999"},
	} {
		d, err := h.enrolledAs(hw, token)
		must(t, err)
		if ids[d.id] {
			t.Errorf("%v is taken for a device that is there", hw)
		}
		ids[d.id] = true
	}
}

// TestG12SettingADeviceUpAnewTakesNoPlace: a trial school that is full can mend the
// devices it has, and add none.
func TestG12SettingADeviceUpAnewTakesNoPlace(t *testing.T) {
	h := newHouse(t)
	token := h.token(20, time.Hour)
	var first *device
	for i := range model.TrialDevices {
		d, err := h.enrolledAs(model.Hardware{Serial: "SERIAL" + string(rune('A'+i))}, token)
		must(t, err)
		if first == nil {
			first = d
		}
	}
	again, err := h.enrolledAs(model.Hardware{Serial: "SERIALA"}, token)
	must(t, err)
	if again.id != first.id {
		t.Error("it is another device")
	}
	_, err = h.enrolledAs(model.Hardware{Serial: "SERIALZ"}, token)
	wantStatus(t, err, codes.PermissionDenied, "trial school")
}
