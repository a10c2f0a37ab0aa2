package flat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// A file is a magic of 8 bytes, the number of its sections, where each section
// ends, counted from the first one's beginning, and the sections.
const head = 8 + 4

// Join makes a file of sections.
func Join(magic [8]byte, sections ...[]byte) ([]byte, error) {
	out := append([]byte(nil), magic[:]...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(sections)))
	end := uint64(0)
	for _, s := range sections {
		if end += uint64(len(s)); end > math.MaxUint32 {
			return nil, errors.New("joining sections: more than 4 GB")
		}
		out = binary.LittleEndian.AppendUint32(out, uint32(end))
	}
	for _, s := range sections {
		out = append(out, s...)
	}
	return out, nil
}

// Split gives the sections of a file, which must be so many. They are parts of
// file.
func Split(magic [8]byte, file []byte, sections int) ([][]byte, error) {
	if len(file) < head || [8]byte(file) != magic {
		return nil, errors.New("it is no file of this kind")
	}
	if n := binary.LittleEndian.Uint32(file[8:]); uint64(n) != uint64(sections) || len(file) < head+4*sections {
		return nil, fmt.Errorf("it has %d sections, want %d", n, sections)
	}
	body, from := file[head+4*sections:], uint32(0)
	out := make([][]byte, sections)
	for i := range out {
		to := binary.LittleEndian.Uint32(file[head+4*i:])
		if to < from || uint64(to) > uint64(len(body)) {
			return nil, fmt.Errorf("section %d ends at %d of %d bytes", i, to, len(body))
		}
		out[i], from = body[from:to:to], to
	}
	if uint64(from) != uint64(len(body)) {
		return nil, fmt.Errorf("%d bytes are in no section", uint64(len(body))-uint64(from))
	}
	return out, nil
}
