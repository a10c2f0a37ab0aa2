package enrol

import (
	"bytes"
	"fmt"
)

// smbiosSystem is the type of SMBIOS's "System Information" (DSP0134, 7.2).
const smbiosSystem = 1

// readSMBIOS finds the system's serial number and UUID in a table of SMBIOS
// structures (DMTF DSP0134 3.x). One is
//
//	byte   type
//	byte   length n of what is formatted, this header included
//	word   handle
//	n-4    fields by type; a text is the number of one of those that follow
//	texts  each ended by a zero, the last by another
//
// and of type 1 are: 0x07 the number of the serial number's text, 0x08 to 0x17 the
// UUID, the first three of its fields little-endian (since 2.6).
func readSMBIOS(table []byte) hardware {
	for len(table) >= 4 {
		kind, n := table[0], int(table[1])
		if n < 4 || n > len(table) {
			return hardware{}
		}
		fields, rest := table[:n], table[n:]
		end := bytes.Index(rest, []byte{0, 0})
		if end < 0 {
			return hardware{}
		}
		if kind == smbiosSystem {
			return systemOf(fields, rest[:end])
		}
		table = rest[end+2:]
	}
	return hardware{}
}

func systemOf(fields, texts []byte) (h hardware) {
	if len(fields) > 0x07 {
		h.serial = textNumber(texts, int(fields[0x07]))
	}
	if len(fields) >= 0x18 {
		u := fields[0x08:0x18]
		h.id = fmt.Sprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%x-%x", u[3], u[2], u[1], u[0], u[5], u[4], u[7], u[6], u[8:10], u[10:])
	}
	return h
}

// textNumber is the n-th text, counted from 1; 0 is none.
func textNumber(texts []byte, n int) string {
	all := bytes.Split(texts, []byte{0})
	if n < 1 || n > len(all) {
		return ""
	}
	return tidy(string(all[n-1]))
}
