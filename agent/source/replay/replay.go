// Package replay reads recorded captures, pcap and pcapng, and turns them into
// observations or frames: for `observe --pcap`, demonstrations and tests. It
// reads what it is given and opens nothing. The agent's door uses it.
package replay

import (
	"errors"
	"fmt"
	"io"
	"time"

	"safelight/agent/source/network/decode"
	"safelight/internal/event"
)

// housekeeping is how often, by the capture's clock, silent flows are forgotten.
const housekeeping = time.Second

// Summary says what a capture held.
type Summary struct {
	Packets int
	// Skipped packets are of links that are not decoded.
	Skipped int
	// Cut says that the file ends in the middle of a packet, as one does whose
	// writer was killed. What came before is read all the same.
	Cut   bool
	Stats decode.Stats
}

// Names decodes every packet of a pcap or pcapng capture and emits each name
// once per way seen, unfolded. A file that is none, or is damaged in its
// middle, is an error; what was decoded before is emitted all the same.
func Names(r io.Reader, emit func(event.Observation)) (Summary, error) {
	type way struct {
		name string
		via  event.Via
	}
	told := make(map[way]struct{})
	return Decode(r, decode.Hooks{Name: func(s *decode.Sighting) {
		w := way{s.Name, s.Via}
		if _, again := told[w]; !again {
			told[w] = struct{}{}
			emit(observation(s))
		}
	}})
}

func observation(s *decode.Sighting) event.Observation {
	return event.Observation{
		Time: s.Time.UTC(), Kind: event.Domain, Name: s.Name, Via: s.Via,
		Client: s.Client.String(), Server: s.Server.String(),
	}
}

// Decode hands every packet of a capture to a decoder with these hooks, as
// Names does.
func Decode(r io.Reader, hooks decode.Hooks) (sum Summary, err error) {
	decoder := decode.New(decode.Limits{}, hooks)
	defer func() {
		decoder.Flush()
		sum.Stats = decoder.Stats()
	}()
	expired := time.Time{}
	err = Frames(r, func(f Frame) {
		sum.Packets++
		if !f.Known {
			sum.Skipped++
			return
		}
		decoder.Packet(f.Link, f.Data, f.Time)
		if f.Time.Sub(expired) > housekeeping {
			expired = f.Time
			decoder.Expire(expired)
		}
	})
	if errors.Is(err, errCut) {
		sum.Cut, err = true, nil
	}
	return sum, err
}

// Frame is one captured packet. Its Data is good until the next.
type Frame struct {
	Time  time.Time
	Link  decode.Link
	Known bool // Link is one that is decoded
	Data  []byte
}

// errCut ends a file that stops in the middle of a packet.
var errCut = errors.New("the capture is cut short")

// Frames calls each for every packet of a capture, in its order.
func Frames(r io.Reader, each func(Frame)) error {
	in := newInput(r)
	magic, err := in.peek(4)
	if err != nil {
		return errors.New("reading the capture: it is empty or too short; want a pcap or pcapng file")
	}
	if isNG(magic) {
		return (&ngFile{in: in, each: each}).read()
	}
	if order, ok := classicOrder(magic); ok {
		return (&classicFile{in: in, order: order, each: each}).read()
	}
	return fmt.Errorf("reading the capture: it begins with % x; want a pcap or pcapng file", magic)
}
