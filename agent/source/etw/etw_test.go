package etw

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

func TestAQuestionNamesWhatWasAskedFor(t *testing.T) {
	e := &Event{Provider: DNSClient, ID: 3006, PID: 4242, Data: question("www.school.example", 28)}
	got, err := e.Query()
	if want := (Query{Name: "www.school.example", Type: 28}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestAnAnswerHasItsAddressesAndNoAliases(t *testing.T) {
	e := &Event{Provider: DNSClient, ID: 3008, Data: completed("www.school.example", 1, 0,
		"type:  5 edge.example.net;type:  5 eu.edge.example.net;::ffff:192.0.2.7;2001:db8::7;fe80::1%12;rubbish;")}
	got, err := e.Query()
	want := Query{
		Name: "www.school.example", Type: 1, Completed: true,
		Answers: []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("fe80::1")},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestWhatAServerSaidIsToldApartFromWhatNobodySaid(t *testing.T) {
	for _, c := range []struct {
		what   string
		status uint32
		code   uint8
		said   bool
	}{
		{"found", 0, 0, true},
		{"NXDOMAIN", 9003, 3, true},
		{"SERVFAIL", 9002, 2, true},
		{"REFUSED", 9005, 5, true},
		{"the name is, and has no such record", 9501, 0, true},
		{"time ran out", 1460, 0, false},
		{"handed on", 9506, 0, false},
		{"an odd question", 87, 0, false},
		{"not a server's code", 9016, 0, false},
		{"9000 itself", 9000, 0, false},
	} {
		if code, said := (&Query{Completed: true, Status: c.status}).RCode(); code != c.code || said != c.said {
			t.Errorf("%s: got %d, %v", c.what, code, said)
		}
	}
}

// The header's process is the one that asked for the start, not the one that
// starts.
func TestAProgramsStartInEachVersionThereIs(t *testing.T) {
	for v, data := range starts() {
		e := &Event{Provider: KernelProcess, ID: 1, Version: v, PID: 777, Data: data}
		got, err := e.Start()
		want := Start{PID: 4242, PPID: 4100, Creator: 777, Session: 2, Time: at, Image: image}
		if v >= 2 {
			want.Package = "Example.Paint"
		}
		if err != nil || got != want {
			t.Errorf("version %d: got %+v, %v; want %+v", v, got, err, want)
		}
	}
}

// Bytes laid down by hand from the layout of version 3, so that the builder above
// cannot be wrong in the same way as the reader.
func TestAStartFromBytesWrittenOutByHand(t *testing.T) {
	data, err := hex.DecodeString("" +
		"92100000" + // ProcessID 4242
		"df03000000000000" + // ProcessSequenceNumber
		"0080d48f2a48dc01" + // CreateTime
		"04100000" + // ParentProcessID 4100
		"de03000000000000" + // ParentProcessSequenceNumber
		"01000000" + "00000000" + "03000000" + "00000000" + // SessionID 1, Flags, elevation
		"010100000000001000200000" + // MandatoryLabel S-1-16-8192
		"5c0061002e006500780065000000" + // ImageName \a.exe
		"00000000" + "00000000" + "0000" + "0000")
	if err != nil {
		t.Fatal(err)
	}
	got, err := (&Event{Provider: KernelProcess, ID: 1, Version: 3, Data: data}).Start()
	if err != nil || got.PID != 4242 || got.PPID != 4100 || got.Session != 1 || got.Image != `\a.exe` || got.Package != "" {
		t.Errorf("got %+v, %v", got, err)
	}
	if want := time.Date(2025, 10, 28, 12, 0, 0, 0, time.UTC); got.Time.Sub(want).Abs() > 24*time.Hour {
		t.Errorf("created at %v, want about %v", got.Time, want)
	}
}

func TestANewVersionIsAskedForByName(t *testing.T) {
	fields := map[string][]byte{
		"ProcessID": payload{}.u32(4242), "ParentProcessID": payload{}.u32(4100), "SessionID": payload{}.u32(2),
		"CreateTime": payload{}.fileTime(at), "ImageName": payload{}.text(image),
	}
	ask := func(name string) ([]byte, error) {
		if b, ok := fields[name]; ok {
			return b, nil
		}
		return nil, errors.New("there is no such field")
	}
	e := &Event{Provider: KernelProcess, ID: 1, Version: 9, PID: 777, Data: []byte{1, 2, 3}, Property: ask}
	got, err := e.Start()
	if want := (Start{PID: 4242, PPID: 4100, Creator: 777, Session: 2, Time: at, Image: image}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	delete(fields, "ImageName")
	if _, err := e.Start(); err == nil {
		t.Error("a field that is not there was read")
	}
	e.Property = nil
	if _, err := e.Start(); !errors.Is(err, errUnknown) {
		t.Errorf("with nobody to ask: got %v", err)
	}
}

func TestAnEventThatEndsEarlyIsRefusedAndReadsNothingBeyond(t *testing.T) {
	for v, data := range starts() {
		whole := len(data)
		for n := range whole {
			e := &Event{Provider: KernelProcess, ID: 1, Version: v, Data: data[:n:n]}
			s, err := e.Start()
			if err == nil && s.Image != image && n < 20 {
				t.Fatalf("version %d, %d of %d bytes: read %+v", v, n, whole, s)
			}
		}
	}
	if _, err := (&Event{Provider: DNSClient, ID: 3006, Data: question("a.example", 1)[:12]}).Query(); !errors.Is(err, errShort) {
		t.Errorf("half a question: got %v", err)
	}
	if _, err := (&Event{Provider: DNSClient, ID: 3008}).Query(); !errors.Is(err, errShort) {
		t.Errorf("no payload: got %v", err)
	}
}

func TestTheLastTextNeedsNoEnd(t *testing.T) {
	data := starts()[0]
	got, err := (&Event{Provider: KernelProcess, ID: 1, Data: data[:len(data)-2]}).Start()
	if err != nil || got.Image != image {
		t.Errorf("got %+v, %v", got, err)
	}
}

// What was not found has no results, and a provider may write nothing for none.
func TestATextThatIsNotThereIsEmpty(t *testing.T) {
	data := payload{}.text("www.school.example").u32(1).u64(0).u32(9003)
	q, err := (&Event{Provider: DNSClient, ID: 3008, Data: data}).Query()
	if code, said := q.RCode(); err != nil || q.Name != "www.school.example" || len(q.Answers) > 0 || code != 3 || !said {
		t.Errorf("got %+v, %v", q, err)
	}
	start := payload{}.u32(4242).fileTime(at).u32(4100).u32(2).u32(1).text(image).u32(1).u32(2)
	s, err := (&Event{Provider: KernelProcess, ID: 1, Version: 2, Data: start}).Start()
	if err != nil || s.Image != image || s.Package != "" {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestAnotherProvidersEventIsNotReadAsOurs(t *testing.T) {
	if _, err := (&Event{Provider: DNSClient, ID: 1, Data: starts()[0]}).Start(); !errors.Is(err, errOther) {
		t.Errorf("got %v", err)
	}
	if _, err := (&Event{Provider: KernelProcess, ID: 3006, Data: question("a.example", 1)}).Query(); !errors.Is(err, errOther) {
		t.Errorf("got %v", err)
	}
	if _, err := (&Event{Provider: DNSClient, ID: 3020, Data: question("a.example", 1)}).Query(); !errors.Is(err, errOther) {
		t.Errorf("got %v", err)
	}
}

func TestTextThatIsNotASCII(t *testing.T) {
	for _, name := range []string{"bücher.example", "例え.example", "emoji-\U0001F600.example", ""} {
		e := &Event{Provider: DNSClient, ID: 3006, Data: question(name, 1)}
		if got, err := e.Query(); err != nil || got.Name != name {
			t.Errorf("got %q, %v; want %q", got.Name, err, name)
		}
	}
}

func TestSIDsReadAsWindowsWritesThem(t *testing.T) {
	for want, b := range map[string][]byte{
		"S-1-5-18": payload{}.sid(5, 18),
		"S-1-5-21-1004336348-1177238915-682003330-1001": payload{}.sid(5, 21, 1004336348, 1177238915, 682003330, 1001),
		"":    {1, 2, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0},
		"S-1": nil,
	} {
		if want == "S-1" {
			want = ""
		}
		if got := SIDText(b); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestATimeThatIsNoneLeavesTheEvents(t *testing.T) {
	data := payload{}.u32(4242).u64(0).u32(4100).u32(2).text(image)
	got, err := (&Event{Provider: KernelProcess, ID: 1, Time: at, Data: data}).Start()
	if err != nil || !got.Time.Equal(at) {
		t.Errorf("got %v, %v", got.Time, err)
	}
}
