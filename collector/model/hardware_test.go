package model

import "testing"

// TestWhatManyDevicesSayTellsNone: firmware without a number says the same on
// thousands of machines, and they must not be taken for one.
func TestWhatManyDevicesSayTellsNone(t *testing.T) {
	for _, s := range []string{"", "0", "000000", "To be filled by O.E.M.", "System Serial Number", "Default string", " none ", "xxxxxxxx", "........", "123456789", "ABC"} {
		if got := FoldSerial(s); got != "" {
			t.Errorf("serial %q is taken as %q", s, got)
		}
	}
	for _, s := range []string{"", "00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "03000200-0400-0500-0006-000700080009", "Not Settable", "4c4c4544-0031"} {
		if got := FoldHardwareID(s); got != "" {
			t.Errorf("id %q is taken as %q", s, got)
		}
	}
	if got := FoldSerial(" 5cd 118 abc"); got != "5CD118ABC" {
		t.Errorf("serial %q", got)
	}
}

func TestHardwareIsTheSameOnlyWhereNothingSpeaksAgainstIt(t *testing.T) {
	const one, two = "4c4c4544-0031-3110-8052-b4c04f4e3332", "4c4c4544-0031-3110-8052-b4c04f4e3333"
	for _, c := range []struct {
		a, b Hardware
		same bool
	}{
		{Hardware{"5CD1", one}, Hardware{"5cd1", "4C4C4544-0031-3110-8052-B4C04F4E3332"}, true},
		{Hardware{"5CD1", one}, Hardware{"5CD1", two}, false}, // two boards that were given one number
		{Hardware{"5CD1", one}, Hardware{"5CD2", one}, false}, // copies of a virtual machine
		{Hardware{"5CD1", ""}, Hardware{"5CD1", one}, true},
		{Hardware{"", one}, Hardware{"5CD1", one}, true},
		{Hardware{"Default string", ""}, Hardware{"Default string", ""}, false},
		{Hardware{"Default string", one}, Hardware{"Default string", two}, false},
		{Hardware{"5CD1", ""}, Hardware{"", one}, false},
		{Hardware{}, Hardware{}, false},
	} {
		if c.a.Fold().Is(c.b.Fold()) != c.same || c.b.Fold().Is(c.a.Fold()) != c.same {
			t.Errorf("%v and %v: want %t", c.a, c.b, c.same)
		}
	}
}
