package model

import (
	"slices"
	"strings"
	"time"
)

// Hardware is what a device's firmware says it is.
type Hardware struct {
	Serial string
	ID     string // the SMBIOS UUID or the platform's
}

// EndedKey is a key, by its SHA-256, that a device had before it was set up anew.
type EndedKey struct {
	Device  string
	KeyHash []byte
}

// FoldSerial writes a serial number as it is compared. What firmware says that has
// none is no serial number: many devices share it.
func FoldSerial(s string) string {
	s = strings.ToUpper(strings.Join(strings.Fields(s), ""))
	if len(s) < 4 || same(s) || slices.Contains(noSerial, s) {
		return ""
	}
	return s
}

// noSerial is what makers leave where a serial number should be, folded.
var noSerial = []string{
	"TOBEFILLEDBYO.E.M.", "TOBEFILLEDBYOEM", "SYSTEMSERIALNUMBER", "DEFAULTSTRING", "NOTSPECIFIED", "NOTAPPLICABLE", "NONE", "NULL",
	"UNKNOWN", "INVALID", "OEM", "0123456789", "123456789", "1234567890", "CHASSISSERIALNUMBER", "NOTAVAILABLE", "EMPTY",
}

// FoldHardwareID writes a hardware's UUID as it is compared; empty: it tells
// nothing from anything.
func FoldHardwareID(id string) string {
	id = strings.ToLower(strings.TrimSpace(id))
	bare := strings.ReplaceAll(id, "-", "")
	if len(bare) != 32 || strings.Trim(bare, "0123456789abcdef") != "" || same(bare) || slices.Contains(noHardwareID, bare) {
		return ""
	}
	return id
}

// noHardwareID is what makers leave, without dashes.
var noHardwareID = []string{
	"03000200040005000006000700080009", "00020003000400050006000700080009", "1234567812341234123412345678abcd", "123456781234567890abcddeefaabbcc",
}

// same says whether a text is one character over and over.
func same(s string) bool { return strings.Trim(s, s[:1]) == "" }

// Fold is the hardware as it is compared and kept.
func (h Hardware) Fold() Hardware { return Hardware{FoldSerial(h.Serial), FoldHardwareID(h.ID)} }

// Is says whether two are one piece of hardware, as far as they tell: what both
// say must be the same, and something must. Fold both first.
func (h Hardware) Is(other Hardware) bool {
	differ := func(a, b string) bool { return a != "" && b != "" && a != b }
	agree := func(a, b string) bool { return a != "" && a == b }
	return !differ(h.Serial, other.Serial) && !differ(h.ID, other.ID) && (agree(h.Serial, other.Serial) || agree(h.ID, other.ID))
}

// Copied is how many running agents were noticed to have the identity of one device: its
// disk was copied after it had enrolled.
type Copied struct {
	Noticed int // beside the device itself
	Own     int // of those, that became devices of their own
	Waiting int // of those, that still call and are none yet
	First   time.Time
}
