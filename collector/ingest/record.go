package ingest

import (
	"errors"
	"net/netip"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"

	"safelight/collector/model"
	"safelight/internal/event"
	"safelight/internal/wire"
	safelightv1 "safelight/proto/safelight/v1"
)

var kinds = map[safelightv1.Kind]event.Kind{
	safelightv1.Kind_KIND_DOMAIN:  event.Domain,
	safelightv1.Kind_KIND_PROCESS: event.Process,
	safelightv1.Kind_KIND_SEARCH:  event.Search,
}

var vias = map[safelightv1.Via]event.Via{
	safelightv1.Via_VIA_DNS:     event.ViaDNS,
	safelightv1.Via_VIA_TLS:     event.ViaTLS,
	safelightv1.Via_VIA_QUIC:    event.ViaQUIC,
	safelightv1.Via_VIA_HTTP:    event.ViaHTTP,
	safelightv1.Via_VIA_LOG:     event.ViaLog,
	safelightv1.Via_VIA_BROWSER: event.ViaBrowser,
	safelightv1.Via_VIA_EXEC:    event.ViaExec,
	safelightv1.Via_VIA_POLL:    event.ViaPoll,
}

var outcomes = map[safelightv1.Outcome]model.Outcome{
	safelightv1.Outcome_OUTCOME_UNSPECIFIED: model.OutcomeUnknown,
	safelightv1.Outcome_OUTCOME_CONNECTED:   model.OutcomeConnected,
	safelightv1.Outcome_OUTCOME_ATTEMPTED:   model.OutcomeAttempted,
}

// event reads an event into to, unless it refuses it. What it keeps of in are texts
// and lists of texts.
func (r *reader) event(in *safelightv1.Event, place model.Place, to *model.Event) *refusal {
	if !fine(in) {
		if refused := r.server.validate(in); refused != nil {
			return refused
		}
	}
	verdict, owner := in.GetVerdict(), in.GetOwner()
	severity := severities[verdict.GetSeverity()]
	if severity != place.Lane {
		return refuse("lane", "a verdict of severity %s came in lane %s", severity, place.Lane)
	}
	if err := in.GetObserved().GetWall().CheckValid(); err != nil {
		return refuse("observed.wall", "want a time from the year 1 to 9999")
	}
	if field := nulIn(in); field != "" {
		return refuse(field, "holds a zero byte")
	}
	when := correct(r.received, r.sent, in.GetObserved()).asLogged(in.GetLogged(), r.received)
	*to = model.Event{
		School: r.who.school, Device: r.who.device, ID: [16]byte(in.GetId()), Place: place,
		Observed: when.at, Received: r.received, Skew: when.skew, Late: when.late,
		Kind: kinds[in.GetKind()], Name: in.GetName(), Via: vias[in.GetVia()], Count: max(1, int(in.GetCount())),
		Outcome: outcomes[in.GetOutcome()], ThirdParty: in.GetThirdParty(), Noise: in.GetNoise(),
		Process: owner.GetProcess(), Exe: owner.GetExe(), PID: int(owner.GetPid()), Account: owner.GetAccount(), Unknown: owner.GetUnknownReason(),
		From: event.Origin{
			Parent: owner.GetParent(), Script: owner.GetScript(), App: owner.GetApp(), RunsAs: owner.GetRunsAs(),
			Remote: wire.RemoteFromProto(owner.GetRemote()), Reason: wire.ReasonFromProto(owner.GetUnknown()),
		},
		Client: in.GetClient(), Server: in.GetServer(), IP: r.who.ip,
		Rule: verdict.GetRule(), Category: verdict.GetCategory(), Severity: severity, Pack: verdict.GetPack(),
		Match: verdict.GetMatch(), Why: verdict.GetWhy(), NotSeen: verdict.GetNotSeen(), Help: verdict.GetAsksForHelp(),
		PolicyEpoch: verdict.GetPolicyEpoch(), PolicySerial: verdict.GetPolicySerial(),
		Grounds: wire.GroundsFromProto(verdict),
	}
	for _, also := range in.GetAlso() {
		if via, ok := vias[also]; ok {
			to.Also = append(to.Also, via)
		}
	}
	return nil
}

func (r *reader) health(in *safelightv1.Health, place model.Place) (model.Health, *refusal) {
	if refused := r.server.validate(in); refused != nil {
		return model.Health{}, refused
	}
	if place.Lane != event.Low {
		return model.Health{}, refuse("lane", "a health event came in lane %s: want low", place.Lane)
	}
	if err := in.GetObserved().GetWall().CheckValid(); err != nil {
		return model.Health{}, refuse("observed.wall", "want a time from the year 1 to 9999")
	}
	if hasNUL(in.GetTopic()) || hasNUL(in.GetDetail()) {
		return model.Health{}, refuse("topic", "holds a zero byte")
	}
	return model.Health{
		School: r.who.school, Device: r.who.device, ID: [16]byte(in.GetId()), Place: place,
		At: correct(r.received, r.sent, in.GetObserved()).at, Received: r.received, Topic: in.GetTopic(), Detail: in.GetDetail(),
	}, nil
}

// validate holds a record against the rules that stand beside its fields in the
// protocol. What it answers names the field, never what the field holds.
func (s *Server) validate(m proto.Message) *refusal {
	err := s.validator.Validate(m)
	if err == nil {
		return nil
	}
	var broken *protovalidate.ValidationError
	if errors.As(err, &broken) && len(broken.Violations) > 0 {
		first := broken.Violations[0].Proto
		return &refusal{reason: first.GetMessage(), field: protovalidate.FieldPathString(first.GetField())}
	}
	return refuse("record", "cannot be checked")
}

// nulIn names a text field that holds a zero byte, which not every database
// keeps.
func nulIn(in *safelightv1.Event) string {
	v, o := in.GetVerdict(), in.GetOwner()
	for _, f := range [...]struct{ name, text string }{
		{"name", in.GetName()},
		{"client", in.GetClient()},
		{"server", in.GetServer()},
		{"owner.process", o.GetProcess()},
		{"owner.exe", o.GetExe()},
		{"owner.account", o.GetAccount()},
		{"owner.unknown_reason", o.GetUnknownReason()},
		{"owner.parent", o.GetParent()},
		{"owner.script", o.GetScript()},
		{"owner.app", o.GetApp()},
		{"owner.runs_as", o.GetRunsAs()},
		{"verdict.rule", v.GetRule()},
		{"verdict.category", v.GetCategory()},
		{"verdict.pack", v.GetPack()},
		{"verdict.match", v.GetMatch()},
		{"verdict.why", v.GetWhy()},
		{"verdict.not_seen", strings.Join(v.GetNotSeen(), "")},
		{"verdict.read_as", v.GetReadAs()},
		{"verdict.how", strings.Join(v.GetHow(), "")},
		{"verdict.list", v.GetList()},
		{"verdict.scope", v.GetScope()},
		{"verdict.raised", v.GetRaised()},
	} {
		if hasNUL(f.text) {
			return f.name
		}
	}
	for _, e := range v.GetEvidence() {
		if hasNUL(e.GetRule()) || hasNUL(e.GetMatch()) {
			return "verdict.evidence"
		}
	}
	return ""
}

func hasNUL(s string) bool { return strings.IndexByte(s, 0) >= 0 }

// hostOf is the address without the port.
func hostOf(address string) string {
	if a, err := netip.ParseAddrPort(address); err == nil {
		return a.Addr().Unmap().String()
	}
	return ""
}
