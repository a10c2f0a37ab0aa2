package enrol

import (
	"strings"
	"testing"
)

// table puts SMBIOS structures together, as DSP0134 lays them out.
func table(structures ...[]byte) (all []byte) {
	for _, s := range structures {
		all = append(all, s...)
	}
	return all
}

func structure(kind byte, fields string, texts ...string) []byte {
	out := append([]byte{kind, byte(4 + len(fields)), 0, 1}, fields...)
	for _, t := range texts {
		out = append(append(out, t...), 0)
	}
	if len(texts) == 0 {
		out = append(out, 0)
	}
	return append(out, 0)
}

func TestSMBIOSTellsTheSystemsNumberAndUUID(t *testing.T) {
	const uuid = "\x44\x45\x4c\x4c\x31\x00\x10\x31\x80\x52\xb4\xc0\x4f\x4e\x33\x32"
	bios := structure(0, "\x01\x02\x00\xf0\x03\xff", "Invented BIOS Co", "1.2.3")
	system := structure(1, "\x01\x02\x03\x04"+uuid+"\x06\x05\x06", "Invented Computers", "Schoolbook 14", "rev 2", " 5CD118ABC ", "SKU", "Family")
	board := structure(2, "\x01\x02\x03\x04", "Invented Computers", "Board", "x", "BOARD-SERIAL")
	for what, c := range map[string]struct {
		table      []byte
		serial, id string
	}{
		"all of it":            {table(bios, system, board), "5CD118ABC", "4c4c4544-0031-3110-8052-b4c04f4e3332"},
		"system alone":         {system, "5CD118ABC", "4c4c4544-0031-3110-8052-b4c04f4e3332"},
		"of before 2.1":        {structure(1, "\x01\x02\x03\x04", "a", "b", "c", "OLD-SERIAL"), "OLD-SERIAL", ""},
		"no such text":         {structure(1, "\x01\x02\x03\x09"+uuid, "a"), "", "4c4c4544-0031-3110-8052-b4c04f4e3332"},
		"without texts":        {table(structure(1, "\x00\x00\x00\x00"+uuid), board), "", "4c4c4544-0031-3110-8052-b4c04f4e3332"},
		"no system":            {table(bios, board), "", ""},
		"cut short":            {table(bios, system)[:len(bios)+10], "", ""},
		"a length of nought":   {[]byte{1, 0, 0, 0, 0, 0}, "", ""},
		"control characters":   {structure(1, "\x01\x02\x03\x04"+uuid, "a", "b", "c", "5CD\x1b[2J"), "5CD[2J", "4c4c4544-0031-3110-8052-b4c04f4e3332"},
		"nothing":              {nil, "", ""},
		"texts that never end": {append(system[:len(system)-2:len(system)-2], 'x'), "", ""},
	} {
		if got := readSMBIOS(c.table); got.serial != c.serial || got.id != c.id {
			t.Errorf("%s: %+v, want %q and %q", what, got, c.serial, c.id)
		}
	}
}

func TestIoregTellsThePlatformsNumberAndUUID(t *testing.T) {
	const out = `+-o J413AP  <class IOPlatformExpertDevice, id 0x10000012a, registered, matched, active, busy 0 (12 ms), retain 38>
    {
      "IOPolledInterface" = "AppleARMWatchdogTimerHibernateHandler is not serializable"
      "IOPlatformUUID" = "0F4C1D2E-3A5B-5C6D-8E7F-112233445566"
      "serial-number" = <4a3030>
      "IOPlatformSerialNumber" = "C02INVENTED1"
    }
`
	if got := readIoreg(out); got.serial != "C02INVENTED1" || got.id != "0F4C1D2E-3A5B-5C6D-8E7F-112233445566" {
		t.Errorf("read %+v", got)
	}
	for _, odd := range []string{"", "\"IOPlatformSerialNumber\"", "no such thing", strings.Repeat("=", 99)} {
		if got := readIoreg(odd); got != (hardware{}) {
			t.Errorf("%q: %+v", odd, got)
		}
	}
}

func FuzzSMBIOS(f *testing.F) {
	f.Add(structure(1, "\x01\x02\x03\x04", "a", "b", "c", "d"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got := readSMBIOS(data); len(got.serial) > maxHardware || len(got.id) > maxHardware {
			t.Errorf("read %d and %d bytes", len(got.serial), len(got.id))
		}
	})
}
