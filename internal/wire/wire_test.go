package wire

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"safelight/internal/event"
	pb "safelight/proto/safelight/v1"

	"buf.build/go/protovalidate"
)

func full(t *testing.T) Event {
	t.Helper()
	id, err := NewID()
	if err != nil {
		t.Fatal(err)
	}
	uid := uint32(0) // root is an owner too, not an unknown one
	when := time.Date(2026, 11, 20, 9, 30, 0, 123456789, time.UTC)
	return Event{
		ID: id,
		Observation: event.Observation{
			Time: when, Kind: event.Domain, Name: "bets.invented.example", Via: event.ViaTLS,
			PID: 4711, Process: "firefox", Exe: "/usr/lib/firefox/firefox", UID: &uid, User: "SCHOOL\\p.invented",
			Client: "192.0.2.7:50000", Server: "198.51.100.9:443", Count: 3, Also: []event.Via{event.ViaDNS, event.ViaQUIC},
			ThirdParty: true, Noise: true, Logged: when.Add(-time.Second), LogOf: event.ViaHTTP,
			Origin: event.Origin{
				Parent: "bash", Script: "~/game.py", App: "flatpak:org.invented.Browser", Remote: event.RemoteRDP, RunsAs: "root",
				Reason: event.ReasonResolver,
			},
		},
		BootID: "7c0f1ad2-5d1b-4f0e-9a53-6e2f8f3f1c55", Mono: 90 * time.Minute, OwnerUnknown: "gone before it was asked for",
		Rule: "gambling.sites", Category: "gambling", Severity: event.Medium, Pack: "starter 3", Match: "bets.invented.example",
		Why: "on the gambling list", NotSeen: []string{"domain only; page content unknown"}, Help: true, Role: "pupil",
		Grounds: event.Grounds{
			ReadAs: "bets", How: []string{"look-alike letters"}, Evidence: []event.Evidence{{Rule: "gambling/gm-2", Match: "odds", Weight: 40}},
			List: "ut1-gambling", Scope: "pupils of years 7 to 11", Raised: "the third within an hour", Unfiltered: true,
		},
		PolicyEpoch: 2, PolicySerial: 17, Outcome: Connected,
	}
}

func TestEventComesBackAsItWas(t *testing.T) {
	e := full(t)
	b, err := Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Unmarshal(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, e) {
		t.Errorf("got  %+v\nwant %+v", back, e)
	}
	for i := range reflect.ValueOf(e).NumField() {
		if f := reflect.TypeFor[Event]().Field(i); reflect.ValueOf(e).Field(i).IsZero() {
			t.Errorf("field %s is not tried", f.Name)
		}
	}
	if again, err := Marshal(e); err != nil || !bytes.Equal(again, b) {
		t.Errorf("a second Marshal gives other bytes: %v", err)
	}
}

func TestIDsAreVersion7(t *testing.T) {
	id, err := NewID()
	if err != nil || uuid.UUID(id).Version() != 7 {
		t.Errorf("id %v, %v", uuid.UUID(id), err)
	}
}

func TestOddNamesAreNeverAReasonToLoseAnEvent(t *testing.T) {
	v, err := protovalidate.New()
	if err != nil {
		t.Fatal(err)
	}
	for name, odd := range map[string]string{
		"long":          strings.Repeat("a", 100_000),
		"long in runes": strings.Repeat("\u4e16\u754c", 50_000),
		"four bytes":    strings.Repeat("\U0001F600", 20_000),
		"not UTF-8":     strings.Repeat("\xff\xfe", 9_000),
		"half a rune":   strings.Repeat("a", 254) + "\xe4\xb8",
		"zeros":         "\x00\x00",
		"one":           "\n",
	} {
		e := full(t)
		for _, s := range []*string{
			&e.Name, &e.Process, &e.Exe, &e.User, &e.Client, &e.Server, &e.BootID, &e.OwnerUnknown,
			&e.Rule, &e.Category, &e.Pack, &e.Match, &e.Why, &e.Role, &e.ReadAs, &e.List, &e.Scope, &e.Raised,
		} {
			*s = odd
		}
		e.PID, e.Count, e.Mono = -1, -5, -time.Second
		e.NotSeen, e.Also, e.How, e.Evidence = nil, nil, nil, nil
		for range 20 {
			e.NotSeen, e.Also = append(e.NotSeen, odd), append(e.Also, event.ViaDNS)
			e.How, e.Evidence = append(e.How, odd), append(e.Evidence, event.Evidence{Rule: odd, Match: odd, Weight: math.MaxUint32})
		}
		b, err := Marshal(e)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(b) > 64<<10 {
			t.Errorf("%s: a record of %d bytes does not fit the spool", name, len(b))
		}
		var msg pb.Record
		if err := proto.Unmarshal(b, &msg); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := v.Validate(&msg); err != nil {
			t.Errorf("%s: the collector would refuse it: %v", name, err)
		}
		if _, err := Unmarshal(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStringsAreCutOnCharacters(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "abc"},
		{"", 3, ""},
		{"äöü", 2, "äö"},
		{"a\xffb", 2, "a\uFFFD"},
		{strings.Repeat("世", 9), 2, "世世"},
		{"aaaaaaa\xe4\xb8\x96", 2, "aa"},
	} {
		if got := cut(c.in, c.n); got != c.want || !utf8.ValidString(got) {
			t.Errorf("cut(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

// TestLimitsAreThoseOfTheProtocol reads each string's limit from the protocol
// itself and fills the event one beyond it.
func TestLimitsAreThoseOfTheProtocol(t *testing.T) {
	e := full(t)
	for _, s := range []*string{&e.Name, &e.Process, &e.Exe, &e.User, &e.Client, &e.Server, &e.BootID, &e.OwnerUnknown, &e.Parent, &e.Script, &e.App, &e.RunsAs, &e.Rule, &e.Category, &e.Pack, &e.Match, &e.Why, &e.Role, &e.ReadAs, &e.List, &e.Scope, &e.Raised} {
		*s = strings.Repeat("x", 10_000)
	}
	long := strings.Repeat("x", 10_000)
	e.NotSeen, e.How, e.Evidence = []string{long}, []string{long}, []event.Evidence{{Rule: long, Match: long}}
	msg, err := toProto(e)
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	var walk func(m protoreflect.Message)
	walk = func(m protoreflect.Message) {
		m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			rules, err := protovalidate.ResolveFieldRules(f)
			switch {
			case err != nil:
				t.Fatal(err)
			case f.Kind() == protoreflect.MessageKind && !f.IsList():
				walk(v.Message())
			case f.Kind() == protoreflect.MessageKind:
				walk(v.List().Get(0).Message())
			case f.Kind() == protoreflect.StringKind && !f.IsList():
				checked++
				if limit := rules.GetString().GetMaxLen(); uint64(len(v.String())) != limit {
					t.Errorf("%s is cut at %d, the protocol's limit is %d", f.FullName(), len(v.String()), limit)
				}
			case f.Kind() == protoreflect.StringKind:
				checked++
				if limit := rules.GetRepeated().GetItems().GetString().GetMaxLen(); uint64(len(v.List().Get(0).String())) != limit {
					t.Errorf("%s: items are cut at %d, the protocol's limit is %d", f.FullName(), len(v.List().Get(0).String()), limit)
				}
			}
			return true
		})
	}
	walk(msg.ProtoReflect())
	if checked != 26 {
		t.Errorf("%d strings checked, want 26", checked)
	}
}

func TestG02OutcomeClaimsNoMoreThanWasSeen(t *testing.T) {
	for _, c := range []struct {
		via     event.Via
		also    []event.Via
		attempt bool
		want    Outcome
		logOf   event.Via
	}{
		{event.ViaDNS, nil, true, Attempted, ""},
		{event.ViaTLS, nil, false, Connected, ""},
		{event.ViaTLS, nil, true, Attempted, ""}, // the source saw it reset
		{event.ViaHTTP, nil, false, Connected, ""},
		{event.ViaLog, nil, false, Connected, ""},
		{event.ViaLog, nil, true, Attempted, ""},
		{event.ViaQUIC, nil, false, Unknown, ""},
		{event.ViaQUIC, []event.Via{event.ViaTLS}, false, Connected, ""},
		{event.ViaDNS, []event.Via{event.ViaTLS}, false, Connected, ""},
		{event.ViaDNS, []event.Via{event.ViaQUIC}, false, Unknown, ""},
		{event.ViaBrowser, nil, false, Unknown, ""},
		{event.ViaExec, nil, false, Unknown, ""},
		{event.ViaPoll, nil, false, Unknown, ""},
		{event.ViaDNS, nil, false, Unknown, ""},
		{event.ViaLog, nil, false, Unknown, event.ViaDNS}, // a DNS server's log
		{event.ViaLog, nil, true, Attempted, event.ViaDNS},
		{event.ViaLog, nil, false, Connected, event.ViaTLS},
	} {
		e := full(t)
		e.Via, e.Also, e.Attempt, e.LogOf = c.via, c.also, c.attempt, c.logOf
		b, err := Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Unmarshal(b)
		if err != nil || back.Outcome != c.want || back.Attempt != c.attempt {
			t.Errorf("%+v: outcome %s, attempt %v, %v", c, back.Outcome, back.Attempt, err)
		}
	}
}

func TestG10AttemptIsAnEventAndSaysSo(t *testing.T) {
	e := full(t)
	e.Via, e.Also, e.Attempt = event.ViaDNS, nil, true
	b, err := Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var msg pb.Record
	if err := proto.Unmarshal(b, &msg); err != nil || msg.GetEvent().GetOutcome() != pb.Outcome_OUTCOME_ATTEMPTED {
		t.Errorf("outcome %v, %v", msg.GetEvent().GetOutcome(), err)
	}
}

func TestEveryEnumValueOfTheProtocolHasAWord(t *testing.T) {
	for n := range pb.Kind_name {
		if _, ok := kinds.plain(pb.Kind(n)); !ok && n != 0 {
			t.Errorf("kind %d", n)
		}
	}
	for n := range pb.Via_name {
		if _, ok := vias.plain(pb.Via(n)); !ok && n != 0 {
			t.Errorf("via %d", n)
		}
	}
	for n := range pb.Outcome_name {
		if _, ok := outcomes.plain(pb.Outcome(n)); !ok {
			t.Errorf("outcome %d", n)
		}
	}
	for _, s := range event.Severities {
		if p := SeverityToProto(s); int(p) != int(s) || SeverityFromProto(p) != s {
			t.Errorf("severity %v is %v: lanes rely on one number", s, p)
		}
	}
	if len(pb.Severity_name)-1 != len(event.Severities) {
		t.Error("the protocol has other severities")
	}
}

func TestWhatTheCallerLeftOutIsSaid(t *testing.T) {
	for name, spoil := range map[string]func(*Event){
		"id": func(e *Event) { e.ID = [16]byte{} }, "name": func(e *Event) { e.Name = "" },
		"kind": func(e *Event) { e.Kind = "feeling" }, "via": func(e *Event) { e.Via = "rumour" },
		"severity": func(e *Event) { e.Severity = 0 }, "rule": func(e *Event) { e.Rule = "" }, "category": func(e *Event) { e.Category = "" },
	} {
		e := full(t)
		spoil(&e)
		if _, err := Marshal(e); err == nil {
			t.Errorf("an event without a proper %s was taken", name)
		}
	}
}

func TestMalformedRecordsAreRefused(t *testing.T) {
	good, err := Marshal(full(t))
	if err != nil {
		t.Fatal(err)
	}
	spoiled := func(change func(*pb.Event)) []byte {
		var msg pb.Record
		if err := proto.Unmarshal(good, &msg); err != nil {
			t.Fatal(err)
		}
		change(msg.GetEvent())
		b, err := proto.Marshal(&msg)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, b := range map[string][]byte{
		"noise": []byte("\xff\xff\xff"), "cut": good[:len(good)-3],
		"short id":         spoiled(func(e *pb.Event) { e.Id = e.Id[:8] }),
		"no clock":         spoiled(func(e *pb.Event) { e.Observed = nil }),
		"impossible clock": spoiled(func(e *pb.Event) { e.Observed.Wall.Nanos = math.MaxInt32 }),
		"no verdict":       spoiled(func(e *pb.Event) { e.Verdict = nil }),
		"a newer kind":     spoiled(func(e *pb.Event) { e.Kind = 99 }),
		"a newer via":      spoiled(func(e *pb.Event) { e.Via = 99 }),
		"no severity":      spoiled(func(e *pb.Event) { e.Verdict.Severity = 0 }),
		"a newer outcome":  spoiled(func(e *pb.Event) { e.Outcome = 99 }),
	} {
		if _, err := Unmarshal(b); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := Unmarshal(nil); !errors.Is(err, ErrNotEvent) {
		t.Errorf("empty record: %v, want ErrNotEvent", err)
	}
}

func TestAHealthEventIsNotReadAsAnEvent(t *testing.T) {
	b, err := marshalRecord(&pb.Record{Kind: &pb.Record_Health{Health: &pb.Health{Id: make([]byte, 16), Topic: "clock"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Unmarshal(b); !errors.Is(err, ErrNotEvent) {
		t.Errorf("health as event: %v", err)
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte{})
	if b, err := Marshal(Event{ID: [16]byte{1}, Observation: event.Observation{Kind: event.Domain, Via: event.ViaDNS, Name: "n"}, Rule: "r", Category: "c", Severity: event.Low}); err == nil {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Unmarshal(b)
		if err != nil || e.Name == "" || e.Rule == "" || e.Category == "" || e.ID == [16]byte{} {
			return
		}
		if _, err := Marshal(e); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}

func TestEveryReasonForNotKnowingTravels(t *testing.T) {
	for _, want := range event.Reasons {
		e := full(t)
		e.Reason = want
		b, err := Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Unmarshal(b); err != nil || back.Reason != want {
			t.Errorf("sent %q, got %q, %v", want, back.Reason, err)
		}
	}
	if len(reasons) != len(event.Reasons) || len(reasons) != len(pb.OwnerUnknown_name)-1 {
		t.Errorf("%d reasons in the table, %d in event, %d in the protocol", len(reasons), len(event.Reasons), len(pb.OwnerUnknown_name)-1)
	}
}

func TestAReasonOfANewerAgentIsNoReasonToRefuse(t *testing.T) {
	e := full(t)
	msg, err := toProto(e)
	if err != nil {
		t.Fatal(err)
	}
	msg.Owner.Unknown, msg.Owner.Remote = 900, 901
	back, err := FromProto(msg)
	if err != nil || back.Reason != "" || back.Remote != "" || back.Name != e.Name {
		t.Errorf("got %+v, %v", back, err)
	}
}
