package localstate

import (
	"slices"
	"testing"
)

const pupil, service = "S-1-5-21-1-2-3-1001", "S-1-5-80-1-2-3-4-5"

func TestAFolderThatAPupilMayEnterIsNotTakenForClosed(t *testing.T) {
	for sddl, want := range map[string]bool{
		"O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)":                         true,
		"O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;" + service + ")":            true,
		"O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;S-1-5-21-9-9-9-500)":         true, // self
		"O:BAG:SYD:PAI(A;OICI;FA;;;SY)(D;OICI;FA;;;BU)":                         true,
		"O:BAG:SYD:AI(A;OICIID;FA;;;SY)(A;OICIID;0x1200a9;;;BU)":                false,
		"O:BAG:SYD:AI(A;OICIID;FA;;;SY)":                                        false, // takes what comes from above
		"O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;" + pupil + ")":              false,
		"O:BAG:SYD:PAI(A;OICI;FA;;;SY)(XA;OICI;FA;;;WD;(@User.Title==\"x\"))":   false,
		"O:BAG:SYD:PAI(A;OICI;FA;;;SY)(OA;OICI;FA;;;AU)":                        false,
		"O:BAG:SYD:NO_ACCESS_CONTROL":                                           false,
		"O:BAG:SY":                                                              false,
		"O:BAG:SYD:PAI(A;OICI;FA;;;S-1-5-18)(A;OICI;FA;;;S-1-5-32-544)":         true,
		"O:BAG:SYD:PAI(A;;FA;;;SY)S:AI(AU;SA;FA;;;WD)":                          true, // who is audited is not let in
		"O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICIIO;GA;;;CO)(A;OICI;0x1301bf;;;LS)": false,
	} {
		if got, _ := closed(sddl, "S-1-5-21-9-9-9-500"); got != want {
			t.Errorf("%s: closed %v, want %v", sddl, got, want)
		}
	}
}

func TestClosingAFolderKeepsItsServiceIn(t *testing.T) {
	_, services := closed("O:BAD:AI(A;OICI;FA;;;"+service+")(A;ID;FA;;;"+service+")(A;;FA;;;BU)", pupil)
	if !slices.Equal(services, []string{service}) {
		t.Fatalf("found %v", services)
	}
	if got, want := ownersOnly("S-1-5-18", services), "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;"+service+")"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if ok, _ := closed("O:BA"+ownersOnly(pupil, services), pupil); !ok {
		t.Error("what it writes it does not take for closed")
	}
}

func TestAFoldersOwnerIsRead(t *testing.T) {
	for sddl, want := range map[string]string{"O:BAG:SYD:": "BA", "O:" + pupil + "G:SYD:P": pupil, "D:P": "", "": ""} {
		if got := ownerOf(sddl); got != want {
			t.Errorf("%q: owner %q, want %q", sddl, got, want)
		}
	}
	if trusted(pupil, "S-1-5-18") || trusted("", "S-1-5-18") || !trusted("BA", "") {
		t.Error("a pupil's folder is trusted, or the administrators' is not")
	}
}
