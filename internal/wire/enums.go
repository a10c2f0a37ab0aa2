package wire

import (
	"safelight/internal/event"
	pb "safelight/proto/safelight/v1"
)

// table holds an enum both ways. They are small, so plain searches its values.
type table[Plain, Proto comparable] map[Plain]Proto

func (t table[Plain, Proto]) proto(p Plain) (Proto, bool) {
	v, ok := t[p]
	return v, ok
}

func (t table[Plain, Proto]) plain(v Proto) (Plain, bool) {
	for p, candidate := range t {
		if candidate == v {
			return p, true
		}
	}
	var none Plain
	return none, false
}

var kinds = table[event.Kind, pb.Kind]{
	event.Domain: pb.Kind_KIND_DOMAIN, event.Process: pb.Kind_KIND_PROCESS, event.Search: pb.Kind_KIND_SEARCH,
}

var vias = table[event.Via, pb.Via]{
	event.ViaDNS: pb.Via_VIA_DNS, event.ViaTLS: pb.Via_VIA_TLS, event.ViaQUIC: pb.Via_VIA_QUIC,
	event.ViaHTTP: pb.Via_VIA_HTTP, event.ViaLog: pb.Via_VIA_LOG, event.ViaBrowser: pb.Via_VIA_BROWSER,
	event.ViaExec: pb.Via_VIA_EXEC, event.ViaPoll: pb.Via_VIA_POLL,
}

var severities = table[event.Severity, pb.Severity]{
	event.Low: pb.Severity_SEVERITY_LOW, event.Medium: pb.Severity_SEVERITY_MEDIUM,
	event.High: pb.Severity_SEVERITY_HIGH, event.Urgent: pb.Severity_SEVERITY_URGENT,
}

var remotes = table[event.Remote, pb.Remote]{
	event.RemoteSSH: pb.Remote_REMOTE_SSH, event.RemoteRDP: pb.Remote_REMOTE_RDP, event.RemoteOther: pb.Remote_REMOTE_OTHER,
}

var reasons = table[event.Reason, pb.OwnerUnknown]{
	event.ReasonExited: pb.OwnerUnknown_OWNER_UNKNOWN_EXITED, event.ReasonNoHolder: pb.OwnerUnknown_OWNER_UNKNOWN_NO_HOLDER,
	event.ReasonNotPermitted: pb.OwnerUnknown_OWNER_UNKNOWN_NOT_PERMITTED, event.ReasonResolver: pb.OwnerUnknown_OWNER_UNKNOWN_RESOLVER,
	event.ReasonKernel: pb.OwnerUnknown_OWNER_UNKNOWN_KERNEL, event.ReasonContainer: pb.OwnerUnknown_OWNER_UNKNOWN_CONTAINER,
	event.ReasonNoName: pb.OwnerUnknown_OWNER_UNKNOWN_NO_NAME, event.ReasonDirectory: pb.OwnerUnknown_OWNER_UNKNOWN_DIRECTORY,
	event.ReasonSeveral: pb.OwnerUnknown_OWNER_UNKNOWN_SEVERAL, event.ReasonUnsupported: pb.OwnerUnknown_OWNER_UNKNOWN_UNSUPPORTED,
}

// ReasonFromProto reads why an account is not known; empty where there is none,
// or one that this version does not know.
func ReasonFromProto(p pb.OwnerUnknown) event.Reason {
	r, _ := reasons.plain(p)
	return r
}

// ViaToProto gives the way in which a name was seen its protocol value; the zero
// value where there is none.
func ViaToProto(v event.Via) pb.Via { return vias[v] }

// ViaFromProto is the way back; empty where there is none.
func ViaFromProto(p pb.Via) event.Via {
	v, _ := vias.plain(p)
	return v
}

// RemoteFromProto reads how a person from elsewhere reached the device.
func RemoteFromProto(p pb.Remote) event.Remote {
	r, _ := remotes.plain(p)
	return r
}

// Outcome says whether a name asked for was then connected to.
type Outcome string

// The outcomes, in the words that the collector shows.
const (
	Unknown   Outcome = "unknown"
	Connected Outcome = "connected"
	Attempted Outcome = "attempted"
)

var outcomes = table[Outcome, pb.Outcome]{
	Unknown: pb.Outcome_OUTCOME_UNSPECIFIED, Connected: pb.Outcome_OUTCOME_CONNECTED, Attempted: pb.Outcome_OUTCOME_ATTEMPTED,
}

// OutcomeOf says no more than the observation shows (G2, G10). A ClientHello or
// an HTTP request travels over a TCP connection that its server accepted, and
// a log's line that was not refused means the same. A DNS question proves
// nothing, nor does a QUIC Initial, which many school firewalls throw away
// unanswered; a browser may have shown an error page.
func OutcomeOf(o event.Observation) Outcome {
	if o.Attempt {
		return Attempted
	}
	if o.LogOf == event.ViaDNS {
		return Unknown // a DNS server's log: the name was asked for, and more is not known
	}
	if connects(o.Via) {
		return Connected
	}
	for _, v := range o.Also {
		if connects(v) {
			return Connected
		}
	}
	return Unknown
}

func connects(v event.Via) bool {
	return v == event.ViaTLS || v == event.ViaHTTP || v == event.ViaLog
}

// SeverityToProto gives a spool lane or severity its protocol value; the zero
// value where there is none.
func SeverityToProto(s event.Severity) pb.Severity { return severities[s] }

// SeverityFromProto is the way back; the zero value where there is none.
func SeverityFromProto(p pb.Severity) event.Severity {
	s, _ := severities.plain(p)
	return s
}
