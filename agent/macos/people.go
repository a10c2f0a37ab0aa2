package macos

import (
	"bytes"
	"encoding/binary"
)

// Person says whether an account's number is one that macOS gives to people: the
// system's and its services' are below 500, and nobody is -2.
func Person(uid uint32) bool {
	const first, nobody = 500, 1<<32 - 2
	return uid >= first && uid < nobody
}

// SignedIn is a person who is signed in.
type SignedIn struct {
	Account string
	// Screen: at the machine's own screen, in front or behind another person's
	// session (fast user switching).
	Screen bool
	// Far: from another machine; which one is not kept.
	Far bool
}

// Records of /var/run/utmpx (utmpx.h, struct utmpx32), strings ended by zeroes:
//
//	account(256) id(4) line(32) pid(4) type(2) pad(2) time(8) host(256) spare(64)
const (
	utmpxLength = 628
	utmpxLine   = 260
	utmpxType   = 296
	utmpxHost   = 308
	userProcess = 7
)

// ParseSignedIn reads the file's records. One that is cut short ends it. With
// nobody signed in it returns an empty list, and never nil.
func ParseSignedIn(b []byte) []SignedIn {
	all := []SignedIn{}
	for ; len(b) >= utmpxLength; b = b[utmpxLength:] {
		if binary.LittleEndian.Uint16(b[utmpxType:]) != userProcess {
			continue
		}
		account := text(b[:256])
		if account == "" {
			continue
		}
		all = append(all, SignedIn{
			Account: account,
			Screen:  text(b[utmpxLine:utmpxLine+32]) == "console",
			Far:     b[utmpxHost] != 0,
		})
	}
	return all
}

func text(b []byte) string {
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	return string(b)
}
