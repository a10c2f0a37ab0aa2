package decode

import (
	"net/netip"

	"golang.org/x/net/dns/dnsmessage"

	"safelight/agent/source/hostname"
)

// The question types that a visit makes.
const (
	TypeA     = uint16(dnsmessage.TypeA)
	TypeAAAA  = uint16(dnsmessage.TypeAAAA)
	TypeHTTPS = 65
)

// maxQuestions and maxAnswers bound the work one message can ask for. Real
// messages have one question and a handful of addresses.
const (
	maxQuestions = 8
	maxAnswers   = 32
)

type question struct {
	name     string
	kind     uint16
	response bool
	answers  []netip.Addr
}

// eachQuestion calls each for every question of a DNS message, in order. A
// message that is cut after its questions (a fragment, a short capture) still
// tells them.
func eachQuestion(msg []byte, each func(question)) {
	var parser dnsmessage.Parser
	header, err := parser.Start(msg)
	if err != nil {
		return
	}
	var found [maxQuestions]question
	n := 0
	for n < maxQuestions {
		q, err := parser.Question()
		if err != nil {
			break
		}
		name, ok := hostname.Normalise(q.Name.Data[:q.Name.Length])
		if ok {
			found[n] = question{name: name, kind: uint16(q.Type), response: header.Response}
			n++
		}
	}
	if n == 1 && header.Response {
		found[0].answers = addresses(&parser)
	}
	for _, q := range found[:n] {
		each(q)
	}
}

// addresses collects the A and AAAA records of an answer section.
func addresses(parser *dnsmessage.Parser) []netip.Addr {
	if parser.SkipAllQuestions() != nil {
		return nil
	}
	var found []netip.Addr
	for range maxAnswers {
		h, err := parser.AnswerHeader()
		if err != nil {
			break
		}
		switch h.Type {
		case dnsmessage.TypeA:
			if a, err := parser.AResource(); err == nil {
				found = append(found, netip.AddrFrom4(a.A))
				continue
			}
		case dnsmessage.TypeAAAA:
			if a, err := parser.AAAAResource(); err == nil {
				found = append(found, netip.AddrFrom16(a.AAAA))
				continue
			}
		}
		if parser.SkipAnswer() != nil {
			break
		}
	}
	return found
}

// dnsStream takes DNS messages out of a TCP stream, each behind its length.
type dnsStream struct {
	buf []byte
}

// feed takes the stream's next bytes and calls each with every whole message.
// It returns false when what comes is not DNS.
func (s *dnsStream) feed(b []byte, each func([]byte)) bool {
	if len(s.buf) > 0 {
		s.buf = append(s.buf, b...)
		b = s.buf
	}
	const lengthAndHeader = 2 + 12
	for len(b) >= 2 {
		n := int(b[0])<<8 | int(b[1])
		if n < lengthAndHeader-2 {
			return false
		}
		if len(b) < 2+n {
			break
		}
		each(b[2 : 2+n])
		b = b[2+n:]
	}
	s.buf = append(s.buf[:0], b...)
	return true
}
