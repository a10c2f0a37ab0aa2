package etw

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

// kind is how a field lies in an event's payload. Fields follow on one another
// without a gap.
type kind uint8

const (
	u32  kind = iota // little-endian, as are all numbers
	u64              // FILETIME too
	text             // UTF-16, ended by a zero
	sid              // a security identifier: revision, count, six bytes, count numbers of four
)

type field struct {
	name string
	kind kind
}

// layout lists the fields of one version of an event, in order. A newer version
// often adds fields at the end; those that nobody here wants are left out.
type layout []field

type version struct {
	provider Provider
	id       uint16
	version  uint8
}

// layouts are those of the manifests of Windows 7 to 11. Version 4 of
// ProcessStart begins as version 3 does.
var layouts = map[version]layout{
	{DNSClient, queryAsked, 0}: {
		{"QueryName", text}, {"QueryType", u32}, {"QueryOptions", u64},
	},
	{DNSClient, queryCompleted, 0}: {
		{"QueryName", text}, {"QueryType", u32}, {"QueryOptions", u64}, {"QueryStatus", u32}, {"QueryResults", text},
	},
	{KernelProcess, processStarted, 0}: {
		{"ProcessID", u32}, {"CreateTime", u64}, {"ParentProcessID", u32}, {"SessionID", u32}, {"ImageName", text},
	},
	{KernelProcess, processStarted, 1}: {
		{"ProcessID", u32}, {"CreateTime", u64}, {"ParentProcessID", u32}, {"SessionID", u32}, {"Flags", u32}, {"ImageName", text},
	},
	{KernelProcess, processStarted, 2}: {
		{"ProcessID", u32},
		{"CreateTime", u64},
		{"ParentProcessID", u32},
		{"SessionID", u32},
		{"Flags", u32},
		{"ImageName", text},
		{"ImageChecksum", u32},
		{"TimeDateStamp", u32},
		{"PackageFullName", text},
	},
	{KernelProcess, processStarted, 3}: processStart3,
	{KernelProcess, processStarted, 4}: processStart3,
}

var processStart3 = layout{
	{"ProcessID", u32},
	{"ProcessSequenceNumber", u64},
	{"CreateTime", u64},
	{"ParentProcessID", u32},
	{"ParentProcessSequenceNumber", u64},
	{"SessionID", u32},
	{"Flags", u32},
	{"ProcessTokenElevationType", u32},
	{"ProcessTokenIsElevated", u32},
	{"MandatoryLabel", sid},
	{"ImageName", text},
	{"ImageChecksum", u32},
	{"TimeDateStamp", u32},
	{"PackageFullName", text},
}

func layoutOf(p Provider, id uint16, v uint8) (layout, bool) {
	l, ok := layouts[version{p, id, v}]
	return l, ok
}

// walk hands each field to take. The text that ends a payload need not have its
// zero, nor be there at all: a provider that has none may leave it out.
func (l layout) walk(b []byte, take func(name string, v value)) error {
	for _, f := range l {
		n, skip := f.kind.size(b)
		if n < 0 || n+skip > len(b) {
			return errShort
		}
		take(f.name, b[:n])
		b = b[n+skip:]
	}
	return nil
}

// size says how long the field is with which b begins, and how much of it is its
// end; n is -1 where that is not to be told.
func (k kind) size(b []byte) (n, skip int) {
	switch k {
	case u32:
		return 4, 0
	case u64:
		return 8, 0
	case sid:
		const head, counted = 8, 4
		if len(b) < head {
			return -1, 0
		}
		return head + counted*int(b[1]), 0
	}
	for i := 0; i+1 < len(b); i += 2 {
		if b[i] == 0 && b[i+1] == 0 {
			return i, 2
		}
	}
	return len(b) &^ 1, len(b) & 1
}

// value is a field's bytes.
type value []byte

// uint reads a number of up to eight bytes; one that is longer is none.
func (v value) uint() uint64 {
	var b [8]byte
	if len(v) > len(b) {
		return 0
	}
	copy(b[:], v)
	return binary.LittleEndian.Uint64(b[:])
}

// maxText bounds what is read of a text, in UTF-16 units: a path has at most
// 32,767.
const maxText = 1 << 15

// text reads UTF-16 up to its zero, if it has one. What is no character becomes
// U+FFFD.
func (v value) text() string {
	if ascii, ok := v.ascii(); ok {
		return ascii
	}
	units := make([]uint16, 0, min(len(v)/2, maxText))
	for i := 0; i+1 < len(v) && len(units) < maxText; i += 2 {
		u := binary.LittleEndian.Uint16(v[i:])
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}

// ascii is text for what nearly every name and path is.
func (v value) ascii() (string, bool) {
	var buf [512]byte
	n := len(v) / 2
	if n > len(buf) {
		return "", false
	}
	for i := range n {
		if v[2*i] >= 0x80 || v[2*i+1] != 0 {
			return "", false
		}
		buf[i] = v[2*i]
	}
	if end := bytes.IndexByte(buf[:n], 0); end >= 0 {
		n = end
	}
	return string(buf[:n]), true
}
