package etw

import (
	"encoding/binary"
	"time"
	"unicode/utf16"
)

// payload builds an event's payload field by field, as its manifest lists them.
type payload []byte

func (p payload) u32(v uint32) payload { return binary.LittleEndian.AppendUint32(p, v) }
func (p payload) u64(v uint64) payload { return binary.LittleEndian.AppendUint64(p, v) }

func (p payload) text(s string) payload {
	for _, u := range utf16.Encode([]rune(s)) {
		p = binary.LittleEndian.AppendUint16(p, u)
	}
	return append(p, 0, 0)
}

// sid adds a security identifier of authority 16 (a mandatory label) or 5.
func (p payload) sid(authority byte, subs ...uint32) payload {
	p = append(p, 1, byte(len(subs)), 0, 0, 0, 0, 0, authority)
	for _, s := range subs {
		p = p.u32(s)
	}
	return p
}

func (p payload) fileTime(t time.Time) payload {
	return p.u64(uint64(t.UnixNano()/100) + 116444736000000000)
}

var at = time.Date(2026, 11, 22, 9, 30, 0, 123456700, time.UTC)

const image = `\Device\HarddiskVolume3\Users\pupil07\Downloads\game.exe`

// starts are the payloads of a program's start in each version there is.
func starts() map[uint8]payload {
	package4 := func(p payload) payload {
		return p.u32(0x1234).u32(0x5678).text("Example.Paint_1.2.3.0_x64__8wekyb3d8bbwe")
	}
	late := payload{}.u32(4242).u64(991).fileTime(at).u32(4100).u64(990).u32(2).u32(0).u32(3).u32(0).sid(16, 8192).text(image)
	return map[uint8]payload{
		0: payload{}.u32(4242).fileTime(at).u32(4100).u32(2).text(image),
		1: payload{}.u32(4242).fileTime(at).u32(4100).u32(2).u32(1).text(image),
		2: package4(payload{}.u32(4242).fileTime(at).u32(4100).u32(2).u32(1).text(image)).text("App"),
		3: package4(append(payload{}, late...)).text("App"),
		4: package4(append(payload{}, late...)).text("App").u32(7),
	}
}

func question(name string, kind uint32) payload {
	return payload{}.text(name).u32(kind).u64(0x40000000).text("").u32(0).u32(0).u32(0).u32(1)
}

func completed(name string, kind, status uint32, results string) payload {
	return payload{}.text(name).u32(kind).u64(0x40000000).u32(status).text(results)
}
