package ingest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
	safelightv1 "safelight/proto/safelight/v1"
)

func checkOf(n byte) *safelightv1.CheckReport {
	return &safelightv1.CheckReport{
		Id: append(make([]byte, 15), n), Observed: seenAt(time.Minute), Cause: safelightv1.CheckCause_CHECK_CAUSE_WEEKLY, Request: "r1", System: "Debian GNU/Linux 12",
		Results: []*safelightv1.CheckResult{
			{Source: "network", What: safelightv1.CheckWhat_CHECK_WHAT_DNS, Outcome: safelightv1.CheckOutcome_CHECK_OUTCOME_SEEN, Via: safelightv1.Via_VIA_DNS, DelayNs: int64(2 * time.Second), Way: "bpf"},
			{Source: "process", What: safelightv1.CheckWhat_CHECK_WHAT_PROGRAM, Outcome: safelightv1.CheckOutcome_CHECK_OUTCOME_NOT_SEEN, Detail: "it is stopped"},
		},
		Hidden: map[string]uint64{"vpn": 3}, NewNetworks: []string{"Main"},
	}
}

func checkItem(t *testing.T, seq uint64, c *safelightv1.CheckReport) *safelightv1.Item {
	t.Helper()
	it := itemOf(t, seq, &safelightv1.Record{Kind: &safelightv1.Record_Check{Check: c}})
	it.Lane = safelightv1.Severity_SEVERITY_LOW
	return it
}

func TestG19ACheckIsStoredOnceAndNobodyIsWoken(t *testing.T) {
	h := openHouse(t, nil)
	var answered []string
	h.server.checked = func(_ model.SchoolID, device, request string) { answered = append(answered, device+" "+request) }
	stream := h.device("dev-1")
	first := batchOf(checkItem(t, 1, checkOf(1)))
	ack := h.deliver(stream, first)
	wantAnswers(t, ack, isStored)
	if !slices.Contains(ack.GetHello().GetCapabilities(), "checks") {
		t.Errorf("announced %v: an agent would send no check", ack.GetHello().GetCapabilities())
	}
	again := checkItem(t, 1, checkOf(1))
	other := checkOf(1)
	other.System = "Debian GNU/Linux 13"
	ack = h.deliver(stream, batchOf(again, checkItem(t, 2, other)))
	if got := ack.GetItems(); got[0].GetStatus() != safelightv1.AckStatus_ACK_STATUS_DUPLICATE || got[1].GetStatus() != isRejected {
		t.Errorf("sent again, and with other bytes: %v", got)
	}
	all, err := h.store.ChecksBetween(t.Context(), school, time.Time{}, noon.Add(time.Hour))
	must(t, err)
	if len(all) != 1 {
		t.Fatalf("%d checks stored", len(all))
	}
	c := all[0]
	if c.Device != "dev-1" || !c.Began.Equal(noon.Add(-time.Minute)) || c.Cause != model.CheckWeekly || c.Request != "r1" || c.Hidden["vpn"] != 3 || !slices.Equal(c.NewNetworks, []string{"Main"}) ||
		c.Results[0].Delay != 2*time.Second || c.Results[0].Via != "dns" || c.Results[1].Outcome != model.CheckNotSeen || c.Passed() {
		t.Errorf("stored %+v", c)
	}
	if len(h.woken) != 0 || len(h.stored()) != 0 {
		t.Errorf("woken %v, %d events: a check is no alert", h.woken, len(h.stored()))
	}
	if len(answered) == 0 || answered[0] != "dev-1 r1" {
		t.Errorf("answered %v", answered)
	}
}

func TestABadCheckIsRefusedByFieldAndStopsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*safelightv1.CheckReport, *safelightv1.Item)
		field string
	}{
		"no id":          {func(c *safelightv1.CheckReport, _ *safelightv1.Item) { c.Id = nil }, "id"},
		"no time":        {func(c *safelightv1.CheckReport, _ *safelightv1.Item) { c.Observed = nil }, "observed"},
		"no cause":       {func(c *safelightv1.CheckReport, _ *safelightv1.Item) { c.Cause = 0 }, "cause"},
		"a new outcome":  {func(c *safelightv1.CheckReport, _ *safelightv1.Item) { c.Results[1].Outcome = 99 }, "results[1].outcome"},
		"no source":      {func(c *safelightv1.CheckReport, _ *safelightv1.Item) { c.Results[0].Source = "" }, "results[0].source"},
		"too many":       {func(c *safelightv1.CheckReport, _ *safelightv1.Item) { c.Results = slices.Repeat(c.Results, 65) }, "results"},
		"a zero byte":    {func(c *safelightv1.CheckReport, _ *safelightv1.Item) { c.System = "Debian\x00" }, "results"},
		"an urgent lane": {func(_ *safelightv1.CheckReport, it *safelightv1.Item) { it.Lane = safelightv1.Severity_SEVERITY_URGENT }, "lane"},
	} {
		t.Run(name, func(t *testing.T) {
			h := openHouse(t, nil)
			report := checkOf(2)
			c.spoil(report, &safelightv1.Item{})
			bad := checkItem(t, 2, report)
			c.spoil(checkOf(2), bad)
			ack := h.deliver(h.device("dev-1"), batchOf(checkItem(t, 1, checkOf(1)), bad, checkItem(t, 3, checkOf(3))))
			wantAnswers(t, ack, isStored, isRejected, isStored)
			if got := ack.GetItems()[1].GetField(); got != c.field {
				t.Errorf("refused for %q, want %q: %s", got, c.field, ack.GetItems()[1].GetReason())
			}
		})
	}
}

func TestEveryProtocolOfACheckIsKeptAndSaidInWords(t *testing.T) {
	h := openHouse(t, nil)
	c := checkOf(1)
	c.Results = nil
	for n := range safelightv1.CheckWhat_name {
		if n > 0 {
			c.Results = append(c.Results, &safelightv1.CheckResult{Source: "network", What: safelightv1.CheckWhat(n), Outcome: safelightv1.CheckOutcome_CHECK_OUTCOME_NOT_CHECKED})
		}
	}
	ack := h.deliver(h.device("dev-1"), batchOf(checkItem(t, 1, c)))
	wantAnswers(t, ack, isStored)
	if !slices.Contains(ack.GetHello().GetCapabilities(), "check-protocols") {
		t.Errorf("announced %v: an agent would tell of two protocols alone", ack.GetHello().GetCapabilities())
	}
	all, err := h.store.ChecksBetween(t.Context(), school, time.Time{}, noon.Add(time.Hour))
	must(t, err)
	for _, r := range all[0].Results {
		if say := model.SayResult(r); r.What == "" || strings.HasPrefix(say, " was") {
			t.Errorf("%q is said as %q", r.What, say)
		}
	}
}
