// Package pefile reads what a Windows program's file says of itself: its original
// name and its product, which stay when somebody gives the file another name, and
// whose name stands under its signature. It reads the file's own bytes and needs
// no Windows, so that it is tested and fuzzed everywhere.
//
// It does not say whether a signature holds: anybody can write a name under one.
// Only agent/source/process uses it, which asks Windows that.
//
// Layouts: Microsoft's "PE Format", VS_VERSIONINFO (verrsrc.h), PKCS #7 (RFC 2315).
package pefile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Why a file says nothing.
var (
	ErrNotPE = errors.New("the file is no Windows program")
	ErrNone  = errors.New("the file does not say")
)

// Bounds on what is read of a file, whatever it claims.
const (
	maxSections  = 96 // as many as Windows loads
	maxResource  = 64 << 10
	maxSignature = 4 << 20
)

// The places in the list of tables that an image has.
const (
	tableResources = 2
	tableSecurity  = 4
)

type table struct{ at, size uint32 }

type section struct{ at, size, rawAt, rawSize uint32 }

// image is the headers of a file.
type image struct {
	r        io.ReaderAt
	tables   [tableSecurity + 1]table
	sections []section
}

// open reads the headers.
func open(r io.ReaderAt) (*image, error) {
	dos, err := read(r, 0, 64)
	if err != nil || dos[0] != 'M' || dos[1] != 'Z' {
		return nil, ErrNotPE
	}
	at := int64(binary.LittleEndian.Uint32(dos[60:]))
	coff, err := read(r, at, 24)
	if err != nil || string(coff[:4]) != "PE\x00\x00" {
		return nil, ErrNotPE
	}
	count, optional := int(binary.LittleEndian.Uint16(coff[6:])), int(binary.LittleEndian.Uint16(coff[20:]))
	head, err := read(r, at+24, optional)
	if err != nil || count > maxSections {
		return nil, ErrNotPE
	}
	im := &image{r: r}
	if err := im.readTables(head); err != nil {
		return nil, err
	}
	raw, err := read(r, at+24+int64(optional), 40*count)
	if err != nil {
		return nil, ErrNotPE
	}
	for ; len(raw) >= 40; raw = raw[40:] {
		im.sections = append(im.sections, section{
			size: binary.LittleEndian.Uint32(raw[8:]), at: binary.LittleEndian.Uint32(raw[12:]),
			rawSize: binary.LittleEndian.Uint32(raw[16:]), rawAt: binary.LittleEndian.Uint32(raw[20:]),
		})
	}
	return im, nil
}

// readTables reads the places of tables from the optional header, whose length
// before them hangs on how wide addresses are.
func (im *image) readTables(head []byte) error {
	if len(head) < 2 {
		return ErrNotPE
	}
	from := 0
	switch binary.LittleEndian.Uint16(head) {
	case 0x10b:
		from = 96
	case 0x20b:
		from = 112
	}
	if from == 0 || len(head) < from {
		return ErrNotPE
	}
	count := binary.LittleEndian.Uint32(head[from-4:])
	for i := range im.tables {
		b := head[from:]
		if uint32(i) >= count || len(b) < 8*(i+1) {
			return nil
		}
		im.tables[i] = table{binary.LittleEndian.Uint32(b[8*i:]), binary.LittleEndian.Uint32(b[8*i+4:])}
	}
	return nil
}

// loaded reads what lies at an address of the loaded program.
func (im *image) loaded(at uint32, n int) ([]byte, error) {
	for _, s := range im.sections {
		if at < s.at || at-s.at >= max(s.size, s.rawSize) {
			continue
		}
		from := at - s.at
		if from > s.rawSize || uint64(n) > uint64(s.rawSize-from) {
			return nil, ErrNone
		}
		return read(im.r, int64(s.rawAt)+int64(from), n)
	}
	return nil, ErrNone
}

func read(r io.ReaderAt, at int64, n int) ([]byte, error) {
	b := make([]byte, n)
	if got, err := r.ReadAt(b, at); got < n {
		return nil, fmt.Errorf("reading %d bytes at %d: %w", n, at, err)
	}
	return b, nil
}
