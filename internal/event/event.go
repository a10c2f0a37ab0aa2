// Package event holds the nouns that a device and its collector share: what
// was observed, how, and how serious a rule finds it. It is plain data, imports
// nothing of ours and does no I/O; every other package may import it.
package event

import (
	"fmt"
	"time"
)

// Kind says what sort of thing was observed.
type Kind string

// The kinds of observation there are.
const (
	Domain  Kind = "domain"
	Process Kind = "process"
	Search  Kind = "search" // only where the school has opted in
)

// ParseKind reads the name of a kind as it stands in JSON and on command lines.
func ParseKind(s string) (Kind, error) {
	switch k := Kind(s); k {
	case Domain, Process, Search:
		return k, nil
	}
	return "", fmt.Errorf("kind %q: want domain, process or search", s)
}

// Via says how a name was seen.
type Via string

// The ways a name is seen.
const (
	ViaDNS     Via = "dns"
	ViaTLS     Via = "tls"
	ViaQUIC    Via = "quic"
	ViaHTTP    Via = "http"
	ViaLog     Via = "log"
	ViaBrowser Via = "browser"
	ViaExec    Via = "exec"
	ViaPoll    Via = "poll"
)

// Severity orders events; it is also the spool's lane.
type Severity uint8

// The severities, least first. The zero value means none.
const (
	Low Severity = iota + 1
	Medium
	High
	Urgent
)

// Severities lists every severity, least first.
var Severities = [...]Severity{Low, Medium, High, Urgent}

// String returns the severity's word, or "none" for the zero value.
func (s Severity) String() string {
	switch s {
	case Low:
		return "low"
	case Medium:
		return "medium"
	case High:
		return "high"
	case Urgent:
		return "urgent"
	}
	return "none"
}

// ParseSeverity reads a severity's word.
func ParseSeverity(word string) (Severity, error) {
	for _, s := range Severities {
		if s.String() == word {
			return s, nil
		}
	}
	return 0, fmt.Errorf("severity %q: want low, medium, high or urgent", word)
}

// MarshalText writes the severity's word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the severity's word.
func (s *Severity) UnmarshalText(text []byte) error {
	v, err := ParseSeverity(string(text))
	*s = v
	return err
}

// Observation is one thing seen on a device. It never leaves the device by
// itself. Its JSON form is a line of `safelight-agent observe`: what is not
// known is left out.
type Observation struct {
	Time time.Time `json:"time"`
	Kind Kind      `json:"kind"`
	// Name is a host name in lower-case A-label form without a final dot, a
	// program's name, or a search phrase.
	Name string `json:"name"`
	Via  Via    `json:"via"`

	// The owner, filled by the source where it knows it, else by attribution.
	PID     int     `json:"pid,omitempty"`
	Process string  `json:"process,omitempty"`
	Exe     string  `json:"exe,omitempty"`
	UID     *uint32 `json:"uid,omitempty"`
	User    string  `json:"user,omitempty"`
	// Unknown says why the owner, or a part of it, is not known.
	Unknown string `json:"unknown,omitempty"`
	Origin

	// OriginalName, Product and Signer are what a program's file says of itself:
	// the first two by its version resource, the last by a signature that holds.
	// Windows alone tells them.
	OriginalName string `json:"original_name,omitempty"`
	Product      string `json:"product,omitempty"`
	Signer       string `json:"signer,omitempty"`

	// Client and Server are "address:port" of a flow, or a log's client.
	Client string `json:"client,omitempty"`
	Server string `json:"server,omitempty"`

	Count      int   `json:"count,omitempty"`
	Also       []Via `json:"also,omitempty"`
	Attempt    bool  `json:"attempt,omitempty"`
	ThirdParty bool  `json:"third_party,omitempty"`
	Noise      bool  `json:"noise,omitempty"`

	// Logged is the time a followed log gives for the line; Time is then when
	// the line was read.
	Logged time.Time `json:"logged,omitzero"`
	// LogOf says what a followed log tells of: ViaDNS for a DNS server's, ViaTLS
	// or ViaHTTP for a sensor's; empty is a proxy's requests.
	LogOf Via `json:"log_of,omitempty"`
}
