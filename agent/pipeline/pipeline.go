// Package pipeline joins the sources to the spool: it takes what they observed,
// judges it, and has what a rule flagged made durable together with the place
// in the source from which reading would go on. What no rule flags goes no
// further than a count. It declares what it needs; only agent/daemon builds it.
//
//	source --Put/Offer--> queue --> judge --> Append(events, checkpoints)
//
// Queues are bounded. A source that can be read again (a log) waits for room; one
// that cannot (packets) is told that there is none, and counts what it drops.
package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"safelight/agent/source"
	"safelight/agent/spool"
	"safelight/internal/event"
	"safelight/internal/rules"
	"safelight/internal/wire"
)

const (
	queueLength = 4096
	// A write takes at most so many observations, and their events at most so
	// many bytes; more only adds delay, and the spool refuses what is too much.
	batchLength = 256
	writeBytes  = spool.MaxBatchBytes / 4
	// Checkpoints that bring no event with them need not be durable at once: a
	// line read again and not flagged again harms nobody.
	idleCheckpoint = 5 * time.Second
	retryAppend    = time.Second
)

// Policy calls judge with what is judged by, which is nil where there is none,
// and which judge must not keep. It may call it again where it broke off.
type Policy func(judge func(set *rules.Ruleset, epoch, serial uint64))

// Person is how an account is judged. An account that nobody knows has no role:
// it is judged by the pupil's scope.
type Person struct {
	Role, Year string
	Groups     []string
	Site       string
}

// Roles answers how an account is judged, at once: what is not known yet has no
// role.
type Roles interface {
	Who(account string) Person
}

// Moment is when something was observed, by the clock on the wall and by the one
// that counts within a boot.
type Moment struct {
	Wall time.Time
	Boot string
	Mono time.Duration
}

// Surroundings are what holds around an observation: where the device is, which
// words of the timetable hold, and from what its person has leave.
type Surroundings struct {
	Site, Premises string
	Unfiltered     bool
	Periods        []string
	Exempt         []string
}

// Around says what holds around an observation. It must be quick.
type Around func(who Person, when Moment) Surroundings

// Spool makes events and checkpoints durable together.
type Spool interface {
	Append(records []spool.Record, checkpoints map[string][]byte) error
}

// Clock reads the device's clocks.
type Clock func() (wall time.Time, bootID string, mono time.Duration)

// Pages guesses which names a page fetched by itself, and which visit a block
// page stands in for. now is a clock that never jumps.
type Pages interface {
	Seen(o event.Observation, now time.Duration) (part bool)
	Blocked(o event.Observation, now time.Duration) (visit event.Observation, ok bool)
}

// Checks knows what belongs to a check of the device itself.
type Checks interface {
	// Took says that an observation belongs to one: it is then nobody's, and goes
	// no further.
	Took(source string, o event.Observation) bool
}

// Parts are what a Pipeline is built of; all but Pages and Around are needed.
type Parts struct {
	Policy Policy
	Roles  Roles
	Around Around // nil knows nothing
	Spool  Spool
	Clock  Clock
	Pages  Pages  // nil guesses nothing
	Hasher Hasher // nil: no rule is told a program's checksum
	Checks Checks // nil: nothing belongs to a check
	// Searches says that a source of search words is switched on. Without one,
	// each event says that searches are not seen (G2).
	Searches bool
	Log      *slog.Logger
}

// Counts are what happened since the start. They hold no names.
type Counts struct {
	Judged  uint64 `json:"judged"`
	Flagged uint64 `json:"flagged"`
	Noted   uint64 `json:"noted"`
	// Noise counts what browsers and systems asked for by themselves.
	Noise uint64 `json:"noise"`
	// Unread counts programs whose checksum a rule wanted to know and that could
	// not be read.
	Unread uint64       `json:"unread"`
	Hidden HiddenCounts `json:"hidden"`
}

// HiddenCounts count visits to what hides others.
type HiddenCounts struct {
	EncryptedDNS uint64 `json:"encrypted_dns"`
	ECH          uint64 `json:"ech"`
	VPN          uint64 `json:"vpn"`
	Proxy        uint64 `json:"proxy"`
}

// Pipeline is the join. Sources share its queue through Sink.
type Pipeline struct {
	parts  Parts
	queue  chan *queued
	batch  []*queued     // Run's own, used again and again
	policy chan struct{} // closed when the first policy is in force
	hash   hashing

	judged, flagged, noted, noise, unread atomic.Uint64
	hidden                                hiddenCounters

	recent recent // Run's only
}

type queued struct {
	source string
	source.Observed
	bootID string
	mono   time.Duration
	put    time.Time // by the wall's clock
	// part says that the name is likely a part of another page, by its time.
	part bool
	// blockPage says that a filter's block page followed.
	blockPage bool
	// hashed says that the program's checksum, sha256, is known or will not be.
	hashed bool
	sha256 string
}

// New makes a pipeline; Run must run for its sinks to move.
func New(p Parts) *Pipeline {
	return &Pipeline{parts: p, queue: make(chan *queued, queueLength), policy: make(chan struct{}), hash: newHashing()}
}

// Counts reads the counters.
func (p *Pipeline) Counts() Counts {
	return Counts{
		Judged: p.judged.Load(), Flagged: p.flagged.Load(), Noted: p.noted.Load(),
		Noise: p.noise.Load(), Unread: p.unread.Load(), Hidden: p.hidden.read(),
	}
}

// PolicyArrived lets judging begin. It may be called once.
func (p *Pipeline) PolicyArrived() { close(p.policy) }

// Sink is where the named source puts what it observed.
func (p *Pipeline) Sink(name string) source.Sink { return &sink{p, name} }

type sink struct {
	p    *Pipeline
	name string
}

// stamp adds the monotonic clock at once, not when the queue has been worked
// off.
func (s *sink) stamp(o source.Observed) *queued {
	wall, boot, mono := s.p.parts.Clock()
	q := spare.Get().(*queued)
	*q = queued{source: s.name, Observed: o, bootID: boot, mono: mono, put: wall}
	return q
}

// spare are observations that were worked off: the queue holds thousands only
// when there are as many, and each is half a kilobyte.
var spare = sync.Pool{New: func() any { return new(queued) }}

// done gives an observation back, with nothing of it left.
func (q *queued) done() {
	*q = queued{}
	spare.Put(q)
}

// Put refuses a checkpoint that the spool could never keep: the source stops and
// says so, where retrying its write for ever would stop all of them.
func (s *sink) Put(ctx context.Context, o source.Observed) error {
	if n := len(o.Checkpoint); n > spool.MaxCheckpointBytes {
		return fmt.Errorf("keeping the place in source %s: a checkpoint of %d bytes, at most %d", s.name, n, spool.MaxCheckpointBytes)
	}
	q := s.stamp(o)
	select {
	case s.p.queue <- q:
		return nil
	case <-ctx.Done():
		q.done()
		return ctx.Err()
	}
}

func (s *sink) Offer(o source.Observed) bool {
	q := s.stamp(o)
	select {
	case s.p.queue <- q:
		return true
	default:
		q.done()
		return false
	}
}

// Run judges until ctx ends; what is then still queued is judged and written
// before it returns. Before the first policy it waits: nothing is let pass
// unjudged.
func (p *Pipeline) Run(ctx context.Context) error {
	select {
	case <-p.policy:
	case <-ctx.Done():
		if !p.judging() {
			return nil
		}
	}
	idle := map[string][]byte{}
	var beside sync.WaitGroup
	beside.Go(func() { p.readHashes(ctx) })
	defer beside.Wait()
	defer p.endHashes(idle)
	tick := time.NewTicker(idleCheckpoint)
	defer tick.Stop()
	for {
		select {
		case q := <-p.queue:
			if !p.write(ctx, p.gather(q), idle) {
				return nil // stopping with a full disk
			}
		case q := <-p.hash.read:
			if p.hash.held--; !p.write(ctx, []*queued{&q}, idle) {
				return nil
			}
		case <-tick.C:
			p.flush(ctx, idle)
		case <-ctx.Done():
			p.drain(idle)
			return nil
		}
	}
}

// judging says whether the first policy is in force.
func (p *Pipeline) judging() bool {
	select {
	case <-p.policy:
		return true
	default:
		return false
	}
}

// gather takes what waits, without waiting for more.
func (p *Pipeline) gather(first *queued) []*queued {
	p.batch = append(p.batch[:0], first)
	for len(p.batch) < batchLength {
		select {
		case q := <-p.queue:
			p.batch = append(p.batch, q)
		default:
			return p.batch
		}
	}
	return p.batch
}

// drain judges and writes what is queued, and gives up at the first write that
// fails: later checkpoints would step over what was not written.
func (p *Pipeline) drain(idle map[string][]byte) {
	for {
		select {
		case q := <-p.queue:
			if !p.write(context.Background(), p.gather(q), idle) {
				return
			}
		default:
			p.flush(context.Background(), idle)
			return
		}
	}
}

// write judges a batch and appends its events with the checkpoints that follow
// them. A batch without an event only moves the idle checkpoints. It is false
// when the write failed for good, at the end of the process.
func (p *Pipeline) write(ctx context.Context, batch []*queued, idle map[string][]byte) bool {
	var records []spool.Record
	bytes := 0
	for _, q := range batch {
		for _, rec := range p.events(ctx, *q) {
			if bytes+len(rec.Data) > writeBytes {
				if !p.append(ctx, records, idle) {
					return false
				}
				records, bytes = nil, 0
			}
			records, bytes = append(records, rec), bytes+len(rec.Data)
		}
		if q.Checkpoint != nil {
			idle[q.source] = q.Checkpoint
		}
		q.done()
	}
	return len(records) == 0 || p.append(ctx, records, idle)
}

func (p *Pipeline) flush(ctx context.Context, idle map[string][]byte) {
	if len(idle) > 0 {
		p.append(ctx, nil, idle)
	}
}

// append keeps trying while the disk is full: giving up would lose events and,
// for a log, the place. Once it is done the checkpoints are durable. At the end
// of the process it tries once more and no longer: what could not be written of
// a log is read again, as its checkpoint was not moved.
func (p *Pipeline) append(ctx context.Context, records []spool.Record, checkpoints map[string][]byte) bool {
	for tries := 0; ; tries++ {
		err := p.parts.Spool.Append(records, checkpoints)
		if err == nil {
			clear(checkpoints)
			return true
		}
		if tries == 0 {
			p.parts.Log.ErrorContext(ctx, "writing to the spool failed, trying again", "records", len(records), "error", err.Error())
		}
		if ctx.Err() != nil || ctx.Done() == nil {
			return false
		}
		select {
		case <-time.After(retryAppend):
		case <-ctx.Done():
		}
	}
}

// events returns the records of what comes of an observation: none, its own,
// and that of an earlier visit which it shows to have been refused.
func (p *Pipeline) events(ctx context.Context, q queued) []spool.Record {
	if q.Kind == "" {
		return nil // a place alone
	}
	if p.parts.Checks != nil && !q.hashed && p.parts.Checks.Took(q.source, q.Observation) {
		return nil // before it is judged, and counted as nobody's (G19)
	}
	var records []spool.Record
	wants := false
	who := p.parts.Roles.Who(q.User)
	p.parts.Policy(func(set *rules.Ruleset, epoch, serial uint64) {
		p.recent.undo()
		if records = nil; set == nil {
			return // the last one was lost to the disk; the policy room said so
		}
		if wants = p.wantsHash(set, q, who); wants {
			return
		}
		seen := q
		earlier, refused := p.look(set, &seen)
		if refused {
			records = p.judge(ctx, set, earlier, who, epoch, serial, records)
		}
		records = p.judge(ctx, set, seen, who, epoch, serial, records)
	})
	p.recent.keep()
	if wants {
		p.hold(q)
	}
	return records
}

// judge appends the record of a flagged observation.
func (p *Pipeline) judge(ctx context.Context, set *rules.Ruleset, q queued, who Person, epoch, serial uint64, to []spool.Record) []spool.Record {
	v := verdict(set, p.input(q, who), q.Observation)
	if v.Decision == rules.Safe {
		return to // not even counted (G1)
	}
	p.judged.Add(1)
	grave := isGrave(set, v)
	switch {
	case v.Decision == rules.Note, v.Decision == rules.Flag && q.Noise && !grave:
		p.noted.Add(1)
		return to
	case v.Decision != rules.Flag:
		return to
	}
	p.flagged.Add(1)
	p.recent.add(q.User, rules.Seen{Category: v.Category, Rule: v.Rule, At: q.Time})
	q.ThirdParty = q.ThirdParty || q.part && !grave
	word(&v, q)
	rec, err := record(q, v, judgedAs(who), epoch, serial)
	if err != nil {
		p.parts.Log.ErrorContext(ctx, "an event could not be encoded", "rule", v.Rule, "error", err.Error())
		return to
	}
	return append(to, rec)
}

// grounds are what the verdict rests on, in the words of events.
func grounds(v rules.Verdict) event.Grounds {
	g := event.Grounds{ReadAs: v.ReadAs, How: v.How, List: v.List, Scope: v.Scope, Raised: v.Raised, Unfiltered: v.Unfiltered}
	for _, e := range v.Evidence {
		g.Evidence = append(g.Evidence, event.Evidence{Rule: e.Rule, Match: e.Match, Weight: e.Weight})
	}
	return g
}

func record(q queued, v rules.Verdict, role string, epoch, serial uint64) (spool.Record, error) {
	id, err := wire.NewID()
	if err != nil {
		return spool.Record{}, err
	}
	severity := v.Severity
	if severity < event.Low || severity > event.Urgent {
		return spool.Record{}, fmt.Errorf("severity %d is none", severity)
	}
	data, err := wire.Marshal(wire.Event{
		ID: id, Observation: q.Observation, BootID: q.bootID, Mono: q.mono, OwnerUnknown: q.Unknown,
		Rule: v.Rule, Category: v.Category, Severity: severity, Pack: v.Pack, Match: v.Match,
		Why: v.Why, NotSeen: v.NotSeen, Help: v.Help, Role: role, PolicyEpoch: epoch, PolicySerial: serial,
		Grounds: grounds(v),
	})
	if err != nil {
		return spool.Record{}, err
	}
	return spool.Record{Lane: uint8(severity), Data: data}, nil
}
