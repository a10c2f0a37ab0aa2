package ingest

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	safelightv1 "safelight/proto/safelight/v1"
)

// recordOf is a record with every field that quick reads.
func recordOf(t testing.TB, change func(e *safelightv1.Event)) []byte {
	t.Helper()
	e := eventOf(1)
	e.Also, e.Count, e.Outcome, e.ThirdParty, e.Noise = []safelightv1.Via{2, 4}, 3, 2, true, true
	e.Client, e.Server, e.LogOf, e.Logged = "10.0.0.9:40000", "203.0.113.9:443", 1, timestamppb.New(noon)
	e.Owner = &safelightv1.Owner{
		Pid: 7, Process: "p", Exe: "/p", Uid: proto.Uint32(0), Account: "äda", UnknownReason: "r", Parent: "sh", Script: "~/s", App: "snap:p",
		Remote: 1, RunsAs: "root", Unknown: 2,
	}
	v := e.GetVerdict()
	v.NotSeen, v.PolicyEpoch, v.PolicySerial, v.AsksForHelp, v.Role = []string{"one", "two"}, 1, 1<<60, true, "pupil"
	v.ReadAs, v.List, v.Scope, v.Raised, v.Unfiltered = "self harm", "l", "year 7", "third time", true
	if change != nil {
		change(e)
	}
	data, err := proto.Marshal(&safelightv1.Record{Kind: &safelightv1.Record_Event{Event: e}})
	must(t, err)
	return data
}

func TestQuickReadsWhatDevicesSendAsTheGeneralDecoderDoes(t *testing.T) {
	var q quick
	for name, data := range map[string][]byte{
		"everything": recordOf(t, nil),
		"little": recordOf(t, func(e *safelightv1.Event) {
			e.Owner, e.Logged, e.Also, e.Verdict.NotSeen = nil, nil, nil, []string{"the page"}
		}),
		"before 1970": recordOf(t, func(e *safelightv1.Event) { e.Observed.Wall.Seconds, e.Kind = -1, -1 }),
		"other texts": recordOf(t, func(e *safelightv1.Event) { e.Name, e.Verdict.NotSeen = "x", []string{"c", "d", "e"} }),
	} {
		if !sameAsGeneral(t, &q, data) {
			t.Errorf("%s: left to the general decoder", name)
		}
	}
}

// sameAsGeneral says whether quick reads a record, and fails where it reads
// another one than the general decoder.
func sameAsGeneral(t *testing.T, q *quick, data []byte) bool {
	t.Helper()
	got, ok := q.event(data)
	if !ok {
		return false
	}
	var want safelightv1.Record
	if err := proto.Unmarshal(data, &want); err != nil {
		t.Fatalf("read %v of what is no record: %v", got, err)
	}
	if !proto.Equal(got, want.GetEvent()) {
		t.Fatalf("read  %v\nwant %v", got, want.GetEvent())
	}
	return true
}

func TestQuickLeavesTheUnusualToTheGeneralDecoder(t *testing.T) {
	whole := recordOf(t, nil)
	_, _, n := protowire.ConsumeTag(whole)
	event, _ := protowire.ConsumeBytes(whole[n:])
	wrap := func(event []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), event)
	}
	add := func(number protowire.Number, value string) []byte {
		return wrap(protowire.AppendString(protowire.AppendTag(slices.Clone(event), number, protowire.BytesType), value))
	}
	var q quick
	for name, data := range map[string][]byte{
		"nothing":                  {},
		"two events":               append(slices.Clone(whole), whole...),
		"two verdicts":             add(14, ""),
		"two owners":               add(11, ""),
		"two clocks":               add(2, ""),
		"two times":                add(15, ""),
		"a field of a later agent": add(99, "later"),
		"a number as text":         add(3, "x"),
		"no UTF-8":                 add(4, "\xff"),
		"cut":                      whole[:len(whole)-1],
		"a group":                  wrap(protowire.AppendTag(slices.Clone(event), 7, protowire.StartGroupType)),
		"evidence":                 recordOf(t, func(e *safelightv1.Event) { e.Verdict.Evidence = []*safelightv1.Evidence{{Rule: "r"}} }),
	} {
		if got, ok := q.event(data); ok {
			t.Errorf("%s: read as %v", name, got)
		}
	}
}

func TestWhatQuickReadLastsWhenTheNextRecordIsRead(t *testing.T) {
	var q quick
	e, ok := q.event(recordOf(t, nil))
	if !ok {
		t.Fatal("not read")
	}
	name, notSeen := e.GetName(), e.GetVerdict().GetNotSeen()
	q.event(recordOf(t, func(e *safelightv1.Event) { e.Name, e.Verdict.NotSeen = "another", []string{"three", "four"} }))
	if name != eventOf(1).GetName() || !slices.Equal(notSeen, []string{"one", "two"}) {
		t.Errorf("kept %q and %q", name, notSeen)
	}
}

// FuzzQuick holds what quick reads against what the general decoder reads.
func FuzzQuick(f *testing.F) {
	f.Add(recordOf(f, nil))
	f.Add(recordOf(f, func(e *safelightv1.Event) { e.Owner, e.Verdict = nil, nil }))
	f.Add([]byte("\x0a\x02\x12\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var q quick
		sameAsGeneral(t, &q, data)
	})
}
