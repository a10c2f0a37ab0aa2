package model

import "time"

// Kind is what sort of device a school issues or admits.
type Kind string

// The kinds of device.
const (
	KindWindows    Kind = "windows"
	KindMac        Kind = "mac"
	KindLinux      Kind = "linux"
	KindChromebook Kind = "chromebook"
	KindTablet     Kind = "tablet"
	KindPhone      Kind = "phone"
	KindGuest      Kind = "guest" // visitors' and personal devices that are admitted
	KindOther      Kind = "other"
)

// Kinds lists them in the order in which they are shown.
var Kinds = []Kind{KindWindows, KindChromebook, KindTablet, KindMac, KindLinux, KindPhone, KindGuest, KindOther}

// Issued is a device that the school issues, as its device management exports it.
// Of the person it is issued to nothing is kept.
type Issued struct {
	Key    string // by which it is known again: the serial number or, without one, the name
	Source string // the export it is of: "intune", "jamf", "google" or the school's own word
	Serial string
	Name   string // host name
	Kind   Kind
	Site   string
	Group  string
	Added  time.Time
	Gone   time.Time // since when the exports no longer have it; zero: the newest has it
}

// Inventory is one export, read.
type Inventory struct {
	Name    string // of the file
	Source  string
	Devices []Issued
	Ignored []string // columns kept nowhere
}

// InventoryFile is a file of device management, as somebody handed it over.
type InventoryFile struct {
	Name   string
	Data   []byte
	Source string // whose list it is; empty: told by its headings, else "list"
	Kind   Kind   // of lines that say none
	Site   string // of lines that say none
}

// InventoryChange is what an import of an export does.
type InventoryChange struct {
	Before                                         int // devices that were not gone
	Devices, Added, Changed, Gone, Back, Unchanged int
	Details                                        []InventoryDetail
}

// InventoryDetail is one device's change.
type InventoryDetail struct {
	Key, Name, What string // "added", "changed", "gone", "back"
}

// Expected is a number of devices that somebody typed, for what no export lists.
type Expected struct {
	Kind  Kind
	Site  string
	Count int
	// InLog says that what these devices ask for stands in a log that Safelight
	// follows.
	InLog   bool
	Changed time.Time
}

// SourceState is how one of a device's sources stood when it last said so.
type SourceState struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Way     string `json:"way,omitempty"`
	Detail  string `json:"detail,omitempty"`
	Seen    uint64 `json:"seen"`
	Dropped uint64 `json:"dropped,omitempty"`
	Lost    uint64 `json:"lost,omitempty"`
}

// LaneState is one lane of a device's spool.
type LaneState struct {
	Lane    int    `json:"lane"`
	Depth   uint64 `json:"depth"`
	Dropped uint64 `json:"dropped,omitempty"`
	NextSeq uint64 `json:"next_seq"`
}

// HiddenCounts are names that could not be seen, by what hid them.
type HiddenCounts map[string]uint64

// HiddenDays tells what was hidden lately from what was hidden once: agents count
// since they were started.
type HiddenDays struct {
	Day     string       `json:"day,omitempty"` // the school's date of Today
	Today   HiddenCounts `json:"today,omitempty"`
	Before  HiddenCounts `json:"before,omitempty"` // of the day before
	Counted HiddenCounts `json:"counted,omitempty"`
}

// DeviceStatus is what a device last said of itself, and outlives a restart. It
// holds no names of people, places or sites.
type DeviceStatus struct {
	Device       string        `json:"-"`
	Said         time.Time     `json:"-"`
	Name         string        `json:"name,omitempty"`
	OS           string        `json:"os,omitempty"`
	Version      string        `json:"version,omitempty"`
	PolicyEpoch  uint64        `json:"policy_epoch,omitempty"`
	PolicySerial uint64        `json:"policy_serial,omitempty"`
	Skew         time.Duration `json:"skew,omitempty"` // by how much its clock is ahead
	Sources      []SourceState `json:"sources,omitempty"`
	SpoolEpoch   []byte        `json:"spool_epoch,omitempty"`
	Lanes        []LaneState   `json:"lanes,omitempty"`
	Quarantined  uint64        `json:"quarantined,omitempty"`
	Hidden       HiddenDays    `json:"hidden,omitzero"`
}
