package etw

import (
	"errors"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Windows hands events to a callback by the system's calling convention. Calling
// it in that way with a record laid out as the headers say stands in for Windows
// where no session can be read.
func TestAnEventThatWindowsHandsOverIsReadWithItsAccountAndSession(t *testing.T) {
	s := &Session{provider: DNSClient, id: lastSession.Add(1)}
	sessions.Store(s.id, s)
	defer sessions.Delete(s.id)
	var got []Query
	var who Event
	s.take = func(e *Event) {
		q, err := e.Query()
		if err != nil {
			t.Errorf("reading the event: %v", err)
		}
		got, who = append(got, q), *e
		who.SID = append([]byte(nil), e.SID...)
	}

	data := question("www.school.example", 28)
	account, session := []byte(payload{}.sid(5, 21, 1, 2, 3, 1007)), []byte(payload{}.u32(3))
	items := [2]extendedItem{
		{Type: extendedSID, Size: uint16(len(account)), Data: &account[0]},
		{Type: extendedSession, Size: uint16(len(session)), Data: &session[0]},
	}
	r := &eventRecord{DataLength: uint16(len(data)), Data: &data[0], ExtendedCount: uint16(len(items)), Extended: &items[0], Context: s.id}
	r.Header.ProviderID, r.Header.ID, r.Header.ProcessID = providers[DNSClient].guid, queryAsked, 4242
	r.Header.TimeStamp = at.UnixNano()/100 + 116444736000000000
	var pins runtime.Pinner
	defer pins.Unpin()
	for _, p := range []any{r, &data[0], &account[0], &session[0], &items[0]} {
		pins.Pin(p)
	}

	call := func() { syscall.SyscallN(eventCallback(), uintptr(unsafe.Pointer(r))) }
	call()
	if len(got) != 1 || got[0].Name != "www.school.example" || got[0].Type != 28 {
		t.Fatalf("read %+v", got)
	}
	if who.PID != 4242 || SIDText(who.SID) != "S-1-5-21-1-2-3-1007" || !who.HasSession || who.Session != 3 || !who.Time.Equal(at) {
		t.Errorf("read as of %+v, %s", who, SIDText(who.SID))
	}

	r.Header.ProviderID.Data1++ // what the session says of itself
	call()
	r.Header.ProviderID.Data1--
	r.Context += 1000 // a session that is gone
	call()
	if len(got) != 1 {
		t.Errorf("read %d events", len(got))
	}
}

func TestReadingEndsWithTheSession(t *testing.T) {
	s := &Session{id: lastSession.Add(1)}
	f := &traceLogfile{Context: s.id}
	more := func() uintptr {
		r, _, _ := syscall.SyscallN(bufferCallback(), uintptr(unsafe.Pointer(f)))
		return r & 0xffffffff
	}
	if more() != 0 {
		t.Error("a session that nobody knows is read on")
	}
	sessions.Store(s.id, s)
	defer sessions.Delete(s.id)
	if more() != 1 {
		t.Error("the reading ends after a buffer")
	}
	s.closing.Store(true)
	if more() != 0 {
		t.Error("a session that is being closed is read on")
	}
}

// The number of a session that somebody ended is soon another program's, an
// antivirus' perhaps: what ended is not to be stopped once more.
func TestASessionThatSomebodyEndedIsNotEndedByItsNumber(t *testing.T) {
	broken := errors.New("broken")
	for what, c := range map[string]struct {
		reading error
		began   bool
		stops   int
	}{
		"somebody ended it":         {nil, true, 0},
		"it cannot be read":         {broken, true, 1}, // it runs still, and nobody else stops it
		"its reading has not begun": {nil, false, 1},
	} {
		stops := 0
		s := &Session{trace: noTrace, system: system{
			process: func(*uint64) error { return c.reading },
			control: func(_ uint64, _ *uint16, _ *namedProperties, code uint32) error {
				if code == controlStop {
					stops++
				}
				return nil
			},
		}}
		if c.began {
			if err := s.Run(func(*Event) {}); err == nil || errors.Is(err, errEnded) != (c.reading == nil) {
				t.Errorf("%s: Run ends with %v", what, err)
			}
			if err := s.Check(); errors.Is(err, errEnded) != (c.reading == nil) {
				t.Errorf("%s: Check says %v", what, err)
			}
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil || stops != c.stops {
			t.Errorf("%s: it was stopped %d times, want %d: %v", what, stops, c.stops, err)
		}
	}
}

// The keywords that the events bear in the providers' manifests. A provider writes
// nothing to a session that asked for others, and the session stays silent.
func TestTheEventsThatAreReadAreAskedForByTheirKeywords(t *testing.T) {
	for p, bears := range map[Provider]uint64{DNSClient: 0x8000000000000000, KernelProcess: 0x8000000000000010} {
		if providers[p].keywords&bears == 0 || len(providers[p].ids) == 0 || len(providers[p].ids) > len(filterEventIDs{}.IDs) {
			t.Errorf("provider %d is asked for %x, %v", p, providers[p].keywords, providers[p].ids)
		}
	}
}

// Windows may hold on to the name of a session that it says was ended, and another
// agent may be the one that begins it again and again.
func TestASessionThatIsSlowToGoIsWaitedForAndNotForEver(t *testing.T) {
	for _, c := range []struct {
		taken, starts int
		works         bool
	}{{0, 1, true}, {1, 2, true}, {3, 4, true}, {99, 1 + clearings, false}} {
		starts, stops := 0, 0
		var waited time.Duration
		s := &Session{trace: noTrace, system: system{
			pause: func(d time.Duration) { waited += d },
			start: func(_ *uint16, p *namedProperties) (uint64, error) {
				if starts++; p.BufferSize != 64 || p.NumberOfBuffers != 0 {
					t.Errorf("begun with what another call left: %+v", p.traceProperties)
				}
				if starts <= c.taken {
					return 0, windows.ERROR_ALREADY_EXISTS
				}
				return 7, nil
			},
			control: func(session uint64, _ *uint16, p *namedProperties, code uint32) error {
				if session != 0 || code != controlStop {
					t.Errorf("asked %d of session %d", code, session)
				}
				stops++
				p.BufferSize, p.NumberOfBuffers = 128, 9 // Windows answers into it
				return nil
			},
		}}
		err := s.start()
		if (err == nil) != c.works || starts != c.starts || stops != starts-1 && c.works || waited > 2*time.Second {
			t.Errorf("taken %d times: %d starts, %d stops, %s waited: %v", c.taken, starts, stops, waited, err)
		}
	}
}
