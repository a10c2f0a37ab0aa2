package ingest

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/timestamppb"

	safelightv1 "safelight/proto/safelight/v1"
)

// quick reads events in a quarter of the time that the general decoder takes,
// which was most of what checking a backlog cost: the messages are used again for
// the next record, and all texts of a record are parts of one copy of it. What is
// unusual it leaves to the general decoder, so it says nothing of what is wrong
// with a record; what it reads it reads alike (FuzzQuick).
type quick struct {
	whole        safelightv1.Event
	observed     safelightv1.Clock
	wall, logged timestamppb.Timestamp
	owner        safelightv1.Owner
	uid          uint32
	verdict      safelightv1.Verdict
	texts        []string // of lists; these outlive the messages
}

// The wire types that these messages use
// (https://protobuf.dev/programming-guides/encoding/#structure).
const (
	varint = uint64(protowire.VarintType)
	bytes  = uint64(protowire.BytesType)
)

// event reads a record that holds an event. The event is good until the next call; its texts
// and lists are good for ever, its id as long as data is not changed.
func (q *quick) event(data []byte) (*safelightv1.Event, bool) {
	record := part{data, string(data)}
	f, ok := record.next()
	if !ok || f.key != 1<<3|bytes || len(record.data) > 0 {
		return nil, false
	}
	q.whole.Reset()
	return &q.whole, q.readEvent(f.part)
}

func (q *quick) readEvent(p part) bool {
	e := &q.whole
	for len(p.data) > 0 {
		f, ok := p.next()
		if !ok {
			return false
		}
		switch f.key {
		case 1<<3 | bytes:
			e.Id = f.data
		case 2<<3 | bytes:
			ok = e.Observed == nil && q.readClock(f.part)
			e.Observed = &q.observed
		case 3<<3 | varint:
			e.Kind = safelightv1.Kind(f.number)
		case 4<<3 | bytes:
			e.Name, ok = f.string()
		case 5<<3 | varint:
			e.Via = safelightv1.Via(f.number)
		case 6<<3 | bytes:
			e.Also, ok = appendVias(e.Also, f.data)
		case 7<<3 | varint:
			e.Count = uint32(f.number)
		case 8<<3 | varint:
			e.Outcome = safelightv1.Outcome(f.number)
		case 9<<3 | varint:
			e.ThirdParty = protowire.DecodeBool(f.number)
		case 10<<3 | varint:
			e.Noise = protowire.DecodeBool(f.number)
		case 11<<3 | bytes:
			ok = e.Owner == nil && q.readOwner(f.part)
			e.Owner = &q.owner
		case 12<<3 | bytes:
			e.Client, ok = f.string()
		case 13<<3 | bytes:
			e.Server, ok = f.string()
		case 14<<3 | bytes:
			ok = e.Verdict == nil && q.readVerdict(f.part)
			e.Verdict = &q.verdict
		case 15<<3 | bytes:
			ok = e.Logged == nil && readTime(f.part, &q.logged)
			e.Logged = &q.logged
		case 16<<3 | varint:
			e.LogOf = safelightv1.Via(f.number)
		default:
			ok = false
		}
		if !ok {
			return false
		}
	}
	return true
}

func (q *quick) readClock(p part) bool {
	c := &q.observed
	c.Reset()
	for len(p.data) > 0 {
		f, ok := p.next()
		if !ok {
			return false
		}
		switch f.key {
		case 1<<3 | bytes:
			ok = c.Wall == nil && readTime(f.part, &q.wall)
			c.Wall = &q.wall
		case 2<<3 | bytes:
			c.BootId, ok = f.string()
		case 3<<3 | varint:
			c.MonotonicNs = int64(f.number)
		default:
			ok = false
		}
		if !ok {
			return false
		}
	}
	return true
}

func readTime(p part, t *timestamppb.Timestamp) bool {
	t.Reset()
	for len(p.data) > 0 {
		f, ok := p.next()
		switch {
		case ok && f.key == 1<<3|varint:
			t.Seconds = int64(f.number)
		case ok && f.key == 2<<3|varint:
			t.Nanos = int32(f.number)
		default:
			return false
		}
	}
	return true
}

func (q *quick) readOwner(p part) bool {
	o := &q.owner
	o.Reset()
	for len(p.data) > 0 {
		f, ok := p.next()
		if !ok {
			return false
		}
		switch f.key {
		case 1<<3 | varint:
			o.Pid = uint32(f.number)
		case 2<<3 | bytes:
			o.Process, ok = f.string()
		case 3<<3 | bytes:
			o.Exe, ok = f.string()
		case 4<<3 | varint:
			q.uid = uint32(f.number)
			o.Uid = &q.uid
		case 5<<3 | bytes:
			o.Account, ok = f.string()
		case 6<<3 | bytes:
			o.UnknownReason, ok = f.string()
		case 7<<3 | bytes:
			o.Parent, ok = f.string()
		case 8<<3 | bytes:
			o.Script, ok = f.string()
		case 9<<3 | bytes:
			o.App, ok = f.string()
		case 10<<3 | varint:
			o.Remote = safelightv1.Remote(f.number)
		case 11<<3 | bytes:
			o.RunsAs, ok = f.string()
		case 12<<3 | varint:
			o.Unknown = safelightv1.OwnerUnknown(f.number)
		default:
			ok = false
		}
		if !ok {
			return false
		}
	}
	return true
}

func (q *quick) readVerdict(p part) bool {
	v := &q.verdict
	v.Reset()
	for len(p.data) > 0 {
		f, ok := p.next()
		if !ok {
			return false
		}
		switch f.key {
		case 1<<3 | bytes:
			v.Rule, ok = f.string()
		case 2<<3 | bytes:
			v.Category, ok = f.string()
		case 3<<3 | varint:
			v.Severity = safelightv1.Severity(f.number)
		case 4<<3 | bytes:
			v.Pack, ok = f.string()
		case 5<<3 | bytes:
			v.Match, ok = f.string()
		case 6<<3 | bytes:
			v.Why, ok = f.string()
		case 7<<3 | bytes:
			v.NotSeen, ok = q.add(v.NotSeen, f)
		case 8<<3 | varint:
			v.PolicyEpoch = f.number
		case 9<<3 | varint:
			v.PolicySerial = f.number
		case 10<<3 | varint:
			v.AsksForHelp = protowire.DecodeBool(f.number)
		case 11<<3 | bytes:
			v.Role, ok = f.string()
		case 12<<3 | bytes:
			v.ReadAs, ok = f.string()
		case 15<<3 | bytes:
			v.List, ok = f.string()
		case 16<<3 | bytes:
			v.Scope, ok = f.string()
		case 17<<3 | bytes:
			v.Raised, ok = f.string()
		case 18<<3 | varint:
			v.Unfiltered = protowire.DecodeBool(f.number)
		default: // how and evidence too: seldom
			ok = false
		}
		if !ok {
			return false
		}
	}
	return true
}

// add adds to a list. Most have one text: these share room.
func (q *quick) add(list []string, f field) ([]string, bool) {
	text, ok := f.string()
	if len(list) > 0 {
		return append(list[:len(list):len(list)], text), ok
	}
	if len(q.texts) == cap(q.texts) {
		q.texts = make([]string, 0, 64)
	}
	end := len(q.texts) + 1
	q.texts = append(q.texts, text)
	return q.texts[end-1 : end : end], ok
}

func appendVias(to []safelightv1.Via, packed []byte) ([]safelightv1.Via, bool) {
	for len(packed) > 0 {
		v, n := protowire.ConsumeVarint(packed)
		if n < 0 {
			return to, false
		}
		to, packed = append(to, safelightv1.Via(v)), packed[n:]
	}
	return to, true
}

// part is a piece of a record, as bytes and as text.
type part struct {
	data []byte
	text string
}

// field is one field of a message: its number and wire type as on the wire, and
// its value, of which a varint has number and bytes have part.
type field struct {
	key    uint64
	number uint64
	part
}

// next takes a field off a message.
func (p *part) next() (f field, ok bool) {
	key, n := protowire.ConsumeVarint(p.data)
	if n < 0 {
		return f, false
	}
	p.skip(n)
	f.key = key
	switch key & 7 {
	case varint:
		f.number, n = protowire.ConsumeVarint(p.data)
	case bytes:
		f.data, n = protowire.ConsumeBytes(p.data)
		if n >= 0 {
			f.text = p.text[n-len(f.data) : n]
		}
	default:
		return f, false
	}
	if n < 0 {
		return f, false
	}
	p.skip(n)
	return f, true
}

func (p *part) skip(n int) { p.data, p.text = p.data[n:], p.text[n:] }

func (f *field) string() (string, bool) { return f.text, utf8.ValidString(f.text) }
