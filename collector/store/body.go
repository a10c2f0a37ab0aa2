package store

import (
	"encoding/json"
	"fmt"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

// eventBody is what of an event no statement needs to look into. Its names stay
// as they are: years of stored events carry them.
type eventBody struct {
	Rule       string        `json:"rule,omitempty"` // it may be called by the very name that was seen
	Pack       string        `json:"pack,omitempty"`
	Kind       event.Kind    `json:"kind"`
	Name       string        `json:"name"`
	Via        event.Via     `json:"via"`
	Also       []event.Via   `json:"also,omitempty"`
	Count      int           `json:"count,omitempty"`
	Outcome    model.Outcome `json:"outcome,omitempty"`
	ThirdParty bool          `json:"third_party,omitempty"`
	Noise      bool          `json:"noise,omitempty"`
	Process    string        `json:"process,omitempty"`
	Exe        string        `json:"exe,omitempty"`
	PID        int           `json:"pid,omitempty"`
	Unknown    string        `json:"unknown,omitempty"`
	From       event.Origin  `json:"from,omitzero"`
	Client     string        `json:"client,omitempty"`
	Server     string        `json:"server,omitempty"`
	IP         string        `json:"ip,omitempty"`
	Match      string        `json:"match,omitempty"`
	Why        string        `json:"why,omitempty"`
	NotSeen    []string      `json:"not_seen,omitempty"`
	Help       bool          `json:"help,omitempty"`
	Skew       time.Duration `json:"skew_ns,omitempty"`
	Unlisted   bool          `json:"unlisted,omitempty"`
	Grounds    event.Grounds `json:"grounds,omitzero"`
}

func readBody(data []byte, e *model.Event) error {
	var b eventBody
	if err := json.Unmarshal(data, &b); err != nil {
		return fmt.Errorf("reading an event's body: %w: %w", errDamaged, err)
	}
	if b.Rule != "" { // else of the time before sealing, when it stood in a column
		e.Rule = b.Rule
	}
	e.Pack, e.Kind, e.Name, e.Via, e.Also, e.Count, e.Outcome = b.Pack, b.Kind, b.Name, b.Via, b.Also, b.Count, b.Outcome
	e.ThirdParty, e.Noise, e.Process, e.Exe, e.PID, e.Unknown = b.ThirdParty, b.Noise, b.Process, b.Exe, b.PID, b.Unknown
	e.From, e.Unlisted = b.From, b.Unlisted
	e.Client, e.Server, e.IP, e.Match, e.Why, e.NotSeen, e.Help, e.Skew = b.Client, b.Server, b.IP, b.Match, b.Why, b.NotSeen, b.Help, b.Skew
	e.Grounds = b.Grounds
	return nil
}
