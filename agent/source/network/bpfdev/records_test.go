package bpfdev

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"
)

// record is one as net/bpf.h has it: the header is as long as puts what follows
// the link's header on a multiple of four.
func record(at time.Time, link int, frame []byte, length int) []byte {
	header := (recordHeader+link+3)&^3 - link
	b := make([]byte, header)
	binary.LittleEndian.PutUint32(b, uint32(at.Unix()))
	binary.LittleEndian.PutUint32(b[4:], uint32(at.Nanosecond()/1000))
	binary.LittleEndian.PutUint32(b[8:], uint32(len(frame)))
	binary.LittleEndian.PutUint32(b[12:], uint32(length))
	binary.LittleEndian.PutUint16(b[16:], uint16(header))
	return slices.Concat(b, frame)
}

func padded(records ...[]byte) []byte {
	var b []byte
	for _, r := range records {
		b = append(b, make([]byte, (4-len(b)%4)%4)...)
		b = append(b, r...)
	}
	return b
}

var at = time.Date(2026, 11, 22, 9, 30, 0, 123456000, time.UTC)

func TestEveryFrameOfAReadIsFoundBehindItsPadding(t *testing.T) {
	frames := [][]byte{[]byte("one"), []byte("four"), {}, []byte("longer than the others"), []byte("last")}
	for _, link := range []int{14, 4, 0} {
		var records [][]byte
		for i, f := range frames {
			records = append(records, record(at.Add(time.Duration(i)*time.Millisecond), link, f, 1500))
		}
		read := padded(records...)
		for _, b := range [][]byte{read, append(bytes.Clone(read), make([]byte, (4-len(read)%4)%4)...)} {
			n := 0
			understood := each(b, func(frame []byte, when time.Time) {
				if n < len(frames) && (!bytes.Equal(frame, frames[n]) || !when.Equal(at.Add(time.Duration(n)*time.Millisecond))) {
					t.Errorf("link of %d bytes: frame %d is %q of %v", link, n, frame, when)
				}
				n++
			})
			if n != len(frames) || len(b)-understood >= recordAlign {
				t.Errorf("link of %d bytes: %d of %d frames, %d of %d bytes", link, n, len(frames), understood, len(b))
			}
		}
	}
}

func TestARecordThatIsBrokenEndsTheRead(t *testing.T) {
	good := record(at, 14, []byte("good frame.."), 60)
	for what, breakIt := range map[string]func(b []byte){
		"longer than the read":     func(b []byte) { b[8] = 200 },
		"longer than anything":     func(b []byte) { copy(b[8:], "\xff\xff\xff\xff") },
		"with a header of nothing": func(b []byte) { b[16] = 0 },
		"with a header beyond it":  func(b []byte) { b[17] = 0xff },
	} {
		bad := bytes.Clone(good)
		breakIt(bad)
		b := padded(good, bad, good)
		n := 0
		if read := each(b, func([]byte, time.Time) { n++ }); n != 1 || read >= len(b) {
			t.Errorf("a record %s: %d frames, %d of %d bytes understood", what, n, read, len(b))
		}
	}
}

func FuzzRecords(f *testing.F) {
	f.Add(padded(record(at, 14, []byte("frame"), 60), record(at, 4, []byte("another one"), 11)))
	f.Add(record(at, 0, nil, 0))
	f.Add([]byte("neither header nor frame, and no number that fits"))
	f.Fuzz(func(t *testing.T, b []byte) {
		total := 0
		read := each(b, func(frame []byte, _ time.Time) {
			total += len(frame) + recordHeader
			for _, link := range []Link{Ethernet, Null, PPP, Raw} {
				if packet, ok := strip(link, frame); ok && len(packet) > len(frame) {
					t.Fatal("a packet longer than its frame")
				}
			}
		})
		if read > len(b) || total > read {
			t.Fatalf("%d bytes of frames and headers, %d understood, of %d", total, read, len(b))
		}
	})
}
