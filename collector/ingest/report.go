package ingest

import (
	"crypto/sha256"
	"slices"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
	"safelight/internal/wire"
	safelightv1 "safelight/proto/safelight/v1"
)

var checkWhats = map[safelightv1.CheckWhat]model.CheckWhat{
	safelightv1.CheckWhat_CHECK_WHAT_DNS:     model.CheckDNS,
	safelightv1.CheckWhat_CHECK_WHAT_TLS:     model.CheckTLS,
	safelightv1.CheckWhat_CHECK_WHAT_HTTP:    model.CheckHTTP,
	safelightv1.CheckWhat_CHECK_WHAT_QUIC:    model.CheckQUIC,
	safelightv1.CheckWhat_CHECK_WHAT_PROGRAM: model.CheckProgram,
	safelightv1.CheckWhat_CHECK_WHAT_LOG:     model.CheckLog,
	safelightv1.CheckWhat_CHECK_WHAT_FILTER:  model.CheckFilter,
}

var checkOutcomes = map[safelightv1.CheckOutcome]model.CheckOutcome{
	safelightv1.CheckOutcome_CHECK_OUTCOME_SEEN:        model.CheckSeen,
	safelightv1.CheckOutcome_CHECK_OUTCOME_NOT_SEEN:    model.CheckNotSeen,
	safelightv1.CheckOutcome_CHECK_OUTCOME_NOT_CHECKED: model.CheckNotChecked,
	safelightv1.CheckOutcome_CHECK_OUTCOME_BLOCKED:     model.CheckBlocked,
	safelightv1.CheckOutcome_CHECK_OUTCOME_NOT_BLOCKED: model.CheckNotBlocked,
}

var checkCauses = map[safelightv1.CheckCause]model.CheckCause{
	safelightv1.CheckCause_CHECK_CAUSE_ASKED_HERE: model.CheckAskedHere,
	safelightv1.CheckCause_CHECK_CAUSE_WEEKLY:     model.CheckWeekly,
	safelightv1.CheckCause_CHECK_CAUSE_COLLECTOR:  model.CheckByCollector,
}

// readCheck reads a device's check of itself. It is no event: nobody is told of
// it, and it is about nobody (G19).
func (r *reader) readCheck(in *safelightv1.CheckReport, record []byte, place model.Place, it *item, to *model.Batch) *refusal {
	if refused := r.server.validate(in); refused != nil {
		return refused
	}
	if place.Lane != event.Low {
		return refuse("lane", "a check came in lane %s: want low", place.Lane)
	}
	if err := in.GetObserved().GetWall().CheckValid(); err != nil {
		return refuse("observed.wall", "want a time from the year 1 to 9999")
	}
	if nulInCheck(in) {
		return refuse("results", "holds a zero byte")
	}
	digest := sha256.Sum256(record)
	it.check, it.index = true, len(to.Checks)
	to.Checks = append(to.Checks, model.Check{
		School: r.who.school, Device: r.who.device, ID: [16]byte(in.GetId()), Place: place, Digest: digest[:],
		Began: correct(r.received, r.sent, in.GetObserved()).at, Received: r.received,
		Cause: checkCauses[in.GetCause()], Request: in.GetRequest(), CheckBody: checkBody(in),
	})
	return nil
}

func checkBody(in *safelightv1.CheckReport) model.CheckBody {
	body := model.CheckBody{
		Results: make([]model.CheckResult, 0, len(in.GetResults())), Hidden: in.GetHidden(), Version: in.GetVersion(), System: in.GetSystem(),
		Browsers: in.GetBrowsers(), PolicyEpoch: in.GetPolicyEpoch(), PolicySerial: in.GetPolicySerial(), Told: in.GetTold(),
		NewNetworks: in.GetNewNetworks(),
	}
	for _, one := range in.GetResults() {
		body.Results = append(body.Results, model.CheckResult{
			Source: one.GetSource(), What: checkWhats[one.GetWhat()], Outcome: checkOutcomes[one.GetOutcome()], Way: one.GetWay(),
			Via: wire.ViaFromProto(one.GetVia()), Delay: time.Duration(one.GetDelayNs()), Detail: one.GetDetail(), ShouldOpen: one.GetShouldOpen(),
		})
	}
	return body
}

// nulInCheck finds the byte that not every database keeps.
func nulInCheck(in *safelightv1.CheckReport) bool {
	bad := hasNUL(in.GetRequest()) || hasNUL(in.GetVersion()) || hasNUL(in.GetSystem()) || hasNUL(in.GetTold())
	for _, one := range in.GetResults() {
		bad = bad || hasNUL(one.GetSource()) || hasNUL(one.GetWay()) || hasNUL(one.GetDetail())
	}
	for _, text := range slices.Concat(in.GetBrowsers(), in.GetNewNetworks()) {
		bad = bad || hasNUL(text)
	}
	return bad
}
