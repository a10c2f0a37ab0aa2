// Package source is the contract that every source of observations keeps, and
// nothing else. The sources themselves are its sub-packages; only agent/daemon
// and the agent's verbs build them. A source imports internal/event and this
// package, and nothing else of ours.
package source

import (
	"context"
	"time"

	"safelight/internal/event"
)

// Observed is an observation with the place in its source from which reading
// would go on after it. Sources that cannot be replayed (packets, processes)
// leave Checkpoint nil. Without a Kind it observes nothing, and only says how
// far reading got.
type Observed struct {
	event.Observation
	// Checkpoint is opaque to everyone but the source that made it.
	Checkpoint []byte
}

// Sink takes what a source observed. It blocks while the queue behind it is
// full if the source can be replayed; a source that cannot wait (packets)
// counts what Offer refuses.
type Sink interface {
	// Put waits for room. It returns ctx's error when the agent is stopping.
	Put(ctx context.Context, o Observed) error
	// Offer never waits; false means that there was no room, and the source
	// counts the observation as dropped.
	Offer(o Observed) bool
}

// State is how a source stands.
type State string

// The states of a source.
const (
	Starting    State = "starting"
	Running     State = "running"
	Unavailable State = "unavailable" // cannot work here; Detail says why
	Stopped     State = "stopped"
)

// Status is what `safelight-agent status` says of a source.
type Status struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	// Detail says how it works, or why it does not. It holds no names, hosts
	// or words.
	Detail string `json:"detail,omitempty"`
	// Way says how the source sees, where there are several ways ("bpf",
	// "proc-connector", "polling"), and Since when it has.
	Way     string    `json:"way,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Seen    uint64    `json:"seen"`
	Dropped uint64    `json:"dropped"`
	// Lost counts what the system had to tell and did not: full buffers, and
	// processes that were gone before they could be read.
	Lost uint64 `json:"lost,omitempty"`
	// Interfaces are those that carry packets now, of a source that watches them.
	Interfaces []string `json:"interfaces,omitempty"`
	// Hidden counts what kept names from being seen, by what it was ("dot",
	// "ech", "wireguard"); it names neither places nor people.
	Hidden map[string]uint64 `json:"hidden,omitempty"`
}

// Source sees things. Run blocks until ctx ends or the source can go on no
// more; it returns nil in the first case and an error that names the mend in
// the second. Status may be called at any time, from any goroutine.
type Source interface {
	// Name is unique among the agent's sources and stable over restarts:
	// checkpoints are kept under it.
	Name() string
	Run(ctx context.Context, checkpoint []byte, sink Sink) error
	Status() Status
}
