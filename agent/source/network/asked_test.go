package network

import (
	"encoding/binary"
	"testing"
	"time"
	"unicode/utf16"

	"safelight/agent/source/etw"
	"safelight/internal/event"
)

// telling is a capture that is told names, as Windows' is.
type telling struct{ still }

func (telling) way() Way { return ETW }

// accounts names accounts as Windows does, without numbers: by the SID that came
// with the event.
type accounts struct{ owners }

func (*accounts) Complete(o event.Owner) event.Owner {
	switch o.SID {
	case "S-1-5-21-1-2-3-1007":
		o.User = "pupil07"
	case "S-1-5-21-1-2-3-1008":
		o.User = "pupil08"
	}
	return o
}

func newToldScene() *scene {
	s := &scene{out: newSink(), now: began}
	cfg := Config{Owners: &accounts{}, Now: func() time.Time { return s.now }}
	s.watch = newWatch(New(cfg), s.out, telling{}, &links{})
	s.watch.now, s.waited = began, true
	return s
}

func wide(s string) (b []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return append(b, 0, 0)
}

func number(b []byte, n uint32) []byte { return binary.LittleEndian.AppendUint32(b, n) }

// asks is a question of pupil 7 or 8 (event 3006); ends is its end (3008).
func (s *scene) asks(t *testing.T, pupil byte, name string, kind uint32) {
	t.Helper()
	s.tells(t, pupil, 3006, append(number(wide(name), kind), make([]byte, 8)...))
}

func (s *scene) ends(t *testing.T, pupil byte, name string, kind, status uint32, results string) {
	t.Helper()
	data := append(number(wide(name), kind), make([]byte, 8)...)
	s.tells(t, pupil, 3008, append(number(data, status), wide(results)...))
}

func (s *scene) tells(t *testing.T, pupil byte, id uint16, data []byte) {
	t.Helper()
	sid := []byte{1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0}
	sid = number(sid, 1000+uint32(pupil))
	a, ok, err := newAsked(&etw.Event{
		Provider: etw.DNSClient, ID: id, PID: 4200 + int(pupil), Time: s.now, SID: sid, Session: uint32(pupil), HasSession: true, Data: data,
	})
	if err != nil {
		t.Fatal(err)
	}
	if ok {
		s.take(a.arrival())
	}
}

func only(t *testing.T, told []event.Observation) event.Observation {
	t.Helper()
	if len(told) != 1 {
		t.Fatalf("want one observation, got %+v", told)
	}
	return told[0]
}

// Nobody sees on Windows whether a connection followed: saying that none did
// would be a claim (G2).
func TestG02AQuestionThatWasAnsweredIsNoAttempt(t *testing.T) {
	s := newToldScene()
	s.asks(t, 7, "Flagged.test.", 1)
	s.asks(t, 7, "flagged.test", 28)
	s.ends(t, 7, "flagged.test", 28, 9501, "")
	s.ends(t, 7, "flagged.test", 1, 0, "::ffff:198.51.100.7;")
	s.after(t, 2*time.Second)
	o := only(t, s.told())
	if o.Name != "flagged.test" || o.Via != event.ViaDNS || o.Attempt || o.User != "pupil07" || o.PID != 4207 || o.Session != "7" || o.Client != "" || o.Server != "" {
		t.Errorf("told as %+v", o)
	}
}

func TestG10ARefusedQuestionIsAnAttempt(t *testing.T) {
	for what, end := range map[string]func(s *scene, t *testing.T){
		"NXDOMAIN":  func(s *scene, t *testing.T) { s.ends(t, 7, "flagged.test", 1, 9003, "") },
		"REFUSED":   func(s *scene, t *testing.T) { s.ends(t, 7, "flagged.test", 1, 9005, "") },
		"sink-hole": func(s *scene, t *testing.T) { s.ends(t, 7, "flagged.test", 1, 0, "::ffff:0.0.0.0;") },
		"loopback":  func(s *scene, t *testing.T) { s.ends(t, 7, "flagged.test", 1, 0, "::1;::ffff:127.0.0.1;") },
	} {
		t.Run(what, func(t *testing.T) {
			s := newToldScene()
			s.asks(t, 7, "flagged.test", 1)
			end(s, t)
			s.after(t, 2*time.Second)
			if o := only(t, s.told()); !o.Attempt || o.User != "pupil07" {
				t.Errorf("told as %+v", o)
			}
		})
	}
}

// One kind of address may be refused and the other answered, in any order.
func TestARefusalBesideAnAnswerIsNoAttempt(t *testing.T) {
	for _, first := range []bool{true, false} {
		s := newToldScene()
		s.asks(t, 7, "flagged.test", 28)
		if first {
			s.ends(t, 7, "flagged.test", 28, 9002, "")
		}
		s.ends(t, 7, "flagged.test", 1, 0, "::ffff:198.51.100.7;")
		if !first {
			s.ends(t, 7, "flagged.test", 28, 9002, "")
		}
		s.after(t, 2*time.Second)
		if o := only(t, s.told()); o.Attempt {
			t.Errorf("refused first %v: told as %+v", first, o)
		}
	}
}

func TestAQuestionThatNobodyAnsweredIsNotSaidToBeRefused(t *testing.T) {
	s := newToldScene()
	s.asks(t, 7, "flagged.test", 1)
	s.ends(t, 7, "flagged.test", 1, 1460, "")
	s.after(t, 2*time.Second)
	if o := only(t, s.told()); o.Attempt {
		t.Errorf("told as %+v", o)
	}
}

// The agent may begin in the middle of a question.
func TestAnEndWithoutItsQuestionIsToldToo(t *testing.T) {
	s := newToldScene()
	s.ends(t, 7, "flagged.test", 1, 0, "::ffff:198.51.100.7;")
	s.after(t, 2*time.Second)
	if o := only(t, s.told()); o.Name != "flagged.test" || o.Attempt {
		t.Errorf("told as %+v", o)
	}
}

// Accounts have no numbers on Windows: two people at once must not become one.
func TestTwoPeopleWhoAskForOneNameAreTwo(t *testing.T) {
	s := newToldScene()
	s.asks(t, 7, "flagged.test", 1)
	s.asks(t, 8, "flagged.test", 1)
	s.after(t, 2*time.Second)
	told := s.told()
	if len(told) != 2 || told[0].User == told[1].User {
		t.Errorf("told %+v", told)
	}
}

func TestWhatIsNoVisitIsNotTold(t *testing.T) {
	s := newToldScene()
	s.asks(t, 7, "_ldap._tcp.dc._msdcs.school.example", 33)
	s.asks(t, 7, "7.2.0.192.in-addr.arpa", 12)
	s.asks(t, 7, "not a name", 1)
	s.asks(t, 7, "", 1)
	s.after(t, 2*time.Second)
	if told := s.told(); len(told) > 0 {
		t.Errorf("told %+v", told)
	}
}

func TestANameInItsOwnScriptIsToldInTheOneForm(t *testing.T) {
	s := newToldScene()
	s.asks(t, 7, "BÜCHER.test", 1)
	s.after(t, 2*time.Second)
	if o := only(t, s.told()); o.Name != "xn--bcher-kva.test" {
		t.Errorf("told as %q", o.Name)
	}
}

func TestAnEventInAnUnknownFormIsAnErrorAndNoName(t *testing.T) {
	_, ok, err := newAsked(&etw.Event{Provider: etw.DNSClient, ID: 3006, Version: 9, Data: wide("flagged.test")})
	if ok || err == nil {
		t.Errorf("got %v, %v", ok, err)
	}
}

// A question, its end, and what is made of both, but for finding the owner.
func BenchmarkQuestion(b *testing.B) {
	s := &scene{out: newSink(), now: began}
	cfg := Config{Owners: &accounts{}, Now: func() time.Time { return s.now }}
	s.watch = newWatch(New(cfg), s.out, telling{}, &links{})
	question := append(number(wide("www.school.example"), 1), make([]byte, 8)...)
	end := append(number(question, 0), wide("type:  5 edge.example.net;::ffff:198.51.100.7;")...)
	b.ReportAllocs()
	for b.Loop() {
		for id, data := range map[uint16][]byte{3006: question, 3008: end} {
			if a, ok, err := newAsked(&etw.Event{Provider: etw.DNSClient, ID: id, PID: 4207, Time: s.now, Data: data}); ok && err == nil {
				s.take(a.arrival())
			}
		}
	}
}
