package etw

import (
	"encoding/binary"
	"strconv"
)

// SIDText writes a binary security identifier as Windows does, "S-1-5-18"; what
// is none gives an empty text. ([MS-DTYP], 2.4.2)
func SIDText(b []byte) string {
	const head, counted, most = 8, 4, 15
	if len(b) < head || b[0] != 1 || b[1] > most || len(b) < head+counted*int(b[1]) {
		return ""
	}
	var authority [8]byte
	copy(authority[2:], b[2:head])
	out := append(make([]byte, 0, 64), "S-1-"...)
	out = strconv.AppendUint(out, binary.BigEndian.Uint64(authority[:]), 10)
	for i := range int(b[1]) {
		out = append(out, '-')
		out = strconv.AppendUint(out, uint64(binary.LittleEndian.Uint32(b[head+counted*i:])), 10)
	}
	return string(out)
}
