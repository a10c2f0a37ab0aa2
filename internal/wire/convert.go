package wire

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"safelight/internal/event"
	pb "safelight/proto/safelight/v1"
)

func toProto(e Event) (*pb.Event, error) {
	if e.ID == [16]byte{} {
		return nil, errors.New("no id: want one from NewID")
	}
	if e.Name == "" {
		return nil, errors.New("no name: an observation without one cannot be judged")
	}
	kind, okKind := kinds.proto(e.Kind)
	via, okVia := vias.proto(e.Via)
	if !okKind || !okVia {
		return nil, fmt.Errorf("kind %q via %q: the protocol has no such value", e.Kind, e.Via)
	}
	verdict, err := verdictToProto(e)
	if err != nil {
		return nil, err
	}
	msg := &pb.Event{
		Id:         e.ID[:],
		Observed:   Clock(e.Time, e.BootID, e.Mono),
		Kind:       kind,
		Name:       cut(e.Name, maxName),
		Via:        via,
		Also:       alsoToProto(e.Also),
		Count:      uint32(max(0, min(int64(e.Count), maxCount))),
		Outcome:    outcomes[OutcomeOf(e.Observation)],
		ThirdParty: e.ThirdParty,
		Noise:      e.Noise,
		Owner:      ownerToProto(e),
		Client:     cut(e.Client, maxShort),
		Server:     cut(e.Server, maxShort),
		Verdict:    verdict,
	}
	if !e.Logged.IsZero() {
		msg.Logged = timestamppb.New(e.Logged)
	}
	msg.LogOf = vias[e.LogOf] // none is the zero value
	return msg, nil
}

func verdictToProto(e Event) (*pb.Verdict, error) {
	severity, ok := severities.proto(e.Severity)
	if !ok {
		return nil, fmt.Errorf("severity %d: want low to urgent", e.Severity)
	}
	if e.Rule == "" || e.Category == "" {
		return nil, errors.New("no rule or no category: only a flagged observation becomes an event")
	}
	return &pb.Verdict{
		Rule: cut(e.Rule, maxRule), Category: cut(e.Category, maxCategory), Severity: severity,
		Pack: cut(e.Pack, maxPack), Match: cut(e.Match, maxName), Why: cut(e.Why, maxName),
		NotSeen: cutAll(e.NotSeen, maxNotSeen, maxShort), AsksForHelp: e.Help, Role: cut(e.Role, maxRole),
		PolicyEpoch: e.PolicyEpoch, PolicySerial: e.PolicySerial,
		ReadAs: cut(e.ReadAs, maxName), How: cutAll(e.How, maxHow, maxStep), Evidence: evidenceToProto(e.Evidence),
		List: cut(e.List, maxList), Scope: cut(e.Scope, maxShort), Raised: cut(e.Raised, maxShort), Unfiltered: e.Unfiltered,
	}, nil
}

func evidenceToProto(list []event.Evidence) []*pb.Evidence {
	var out []*pb.Evidence
	for _, e := range list {
		if e.Rule != "" && len(out) < maxEvidence {
			out = append(out, &pb.Evidence{Rule: cut(e.Rule, maxRule), Match: cut(e.Match, maxProof), Weight: e.Weight})
		}
	}
	return out
}

// GroundsFromProto reads what a verdict rests on.
func GroundsFromProto(v *pb.Verdict) event.Grounds {
	g := event.Grounds{
		ReadAs: v.GetReadAs(), How: v.GetHow(), List: v.GetList(), Scope: v.GetScope(), Raised: v.GetRaised(), Unfiltered: v.GetUnfiltered(),
	}
	for _, e := range v.GetEvidence() {
		g.Evidence = append(g.Evidence, event.Evidence{Rule: e.GetRule(), Match: e.GetMatch(), Weight: e.GetWeight()})
	}
	return g
}

func ownerToProto(e Event) *pb.Owner {
	o := &pb.Owner{
		Process: cut(e.Process, maxShort), Exe: cut(e.Exe, maxExe), Account: cut(e.User, maxShort),
		UnknownReason: cut(e.OwnerUnknown, maxShort),
		Parent:        cut(e.Parent, maxShort), Script: cut(e.Script, maxExe), App: cut(e.App, maxShort),
		Remote: remotes[e.Remote], RunsAs: cut(e.RunsAs, maxShort), Unknown: reasons[e.Reason],
	}
	if e.PID > 0 && int64(e.PID) <= maxPID {
		o.Pid = uint32(e.PID)
	}
	if e.UID != nil {
		uid := *e.UID
		o.Uid = &uid
	}
	return o
}

func alsoToProto(also []event.Via) []pb.Via {
	var out []pb.Via
	for _, v := range also {
		if p, ok := vias.proto(v); ok && len(out) < maxAlso {
			out = append(out, p)
		}
	}
	return out
}

// FromProto reads an event that is already decoded.
func FromProto(msg *pb.Event) (Event, error) {
	if len(msg.GetId()) != 16 {
		return Event{}, fmt.Errorf("reading event: id of %d bytes: want 16", len(msg.GetId()))
	}
	if !msg.GetObserved().GetWall().IsValid() {
		return Event{}, errors.New("reading event: observed.wall: want a valid time")
	}
	if msg.GetVerdict() == nil {
		return Event{}, errors.New("reading event: no verdict")
	}
	e := Event{
		ID: [16]byte(msg.GetId()),
		Observation: event.Observation{
			Time: msg.GetObserved().GetWall().AsTime(), Name: msg.GetName(),
			Client: msg.GetClient(), Server: msg.GetServer(), Count: int(msg.GetCount()),
			Attempt:    msg.GetOutcome() == pb.Outcome_OUTCOME_ATTEMPTED,
			ThirdParty: msg.GetThirdParty(), Noise: msg.GetNoise(),
		},
		BootID: msg.GetObserved().GetBootId(),
		Mono:   time.Duration(msg.GetObserved().GetMonotonicNs()),
	}
	if l := msg.GetLogged(); l.IsValid() {
		e.Logged = l.AsTime()
	}
	e.LogOf, _ = vias.plain(msg.GetLogOf())
	ownerFromProto(&e, msg.GetOwner())
	verdictFromProto(&e, msg.GetVerdict())
	return e, enumsFromProto(&e, msg)
}

func ownerFromProto(e *Event, o *pb.Owner) {
	e.PID, e.Process, e.Exe = int(o.GetPid()), o.GetProcess(), o.GetExe()
	e.User, e.OwnerUnknown = o.GetAccount(), o.GetUnknownReason()
	e.Parent, e.Script, e.App, e.RunsAs = o.GetParent(), o.GetScript(), o.GetApp(), o.GetRunsAs()
	e.Remote, e.Reason = RemoteFromProto(o.GetRemote()), ReasonFromProto(o.GetUnknown())
	if o != nil && o.Uid != nil {
		uid := o.GetUid()
		e.UID = &uid
	}
}

func verdictFromProto(e *Event, v *pb.Verdict) {
	e.Rule, e.Category, e.Pack = v.GetRule(), v.GetCategory(), v.GetPack()
	e.Match, e.Why, e.NotSeen = v.GetMatch(), v.GetWhy(), v.GetNotSeen()
	e.Help, e.Role = v.GetAsksForHelp(), v.GetRole()
	e.PolicyEpoch, e.PolicySerial = v.GetPolicyEpoch(), v.GetPolicySerial()
	e.Grounds = GroundsFromProto(v)
}

func enumsFromProto(e *Event, msg *pb.Event) error {
	var ok [4]bool
	e.Kind, ok[0] = kinds.plain(msg.GetKind())
	e.Via, ok[1] = vias.plain(msg.GetVia())
	e.Severity, ok[2] = severities.plain(msg.GetVerdict().GetSeverity())
	e.Outcome, ok[3] = outcomes.plain(msg.GetOutcome())
	for _, good := range ok {
		if !good {
			return fmt.Errorf("reading event: kind %d, via %d, severity %d, outcome %d: this version does not know one of them",
				msg.GetKind(), msg.GetVia(), msg.GetVerdict().GetSeverity(), msg.GetOutcome())
		}
	}
	for _, a := range msg.GetAlso() {
		if v, ok := vias.plain(a); ok {
			e.Also = append(e.Also, v)
		}
	}
	return nil
}
