package enrol

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

var getSystemFirmwareTable = windows.NewLazySystemDLL("kernel32.dll").NewProc("GetSystemFirmwareTable")

const (
	// rsmb asks for SMBIOS ("RSMB"); the answer begins with RawSMBIOSData's header:
	// four bytes of versions and a length.
	rsmb       = 'R'<<24 | 'S'<<16 | 'M'<<8 | 'B'
	rawHeader  = 8
	largestRaw = 1 << 20
)

// readHardware asks Windows for the firmware's table (GetSystemFirmwareTable); no
// rights are needed.
func readHardware() hardware {
	if getSystemFirmwareTable.Find() != nil {
		return hardware{}
	}
	size, _, _ := getSystemFirmwareTable.Call(rsmb, 0, 0, 0)
	if size <= rawHeader || size > largestRaw {
		return hardware{}
	}
	table := make([]byte, size)
	got, _, _ := getSystemFirmwareTable.Call(rsmb, 0, uintptr(unsafe.Pointer(&table[0])), size)
	if got <= rawHeader || got > size {
		return hardware{}
	}
	return readSMBIOS(table[rawHeader:got])
}
