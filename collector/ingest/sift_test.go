package ingest

import (
	"context"
	"testing"

	"safelight/collector/model"
	safelightv1 "safelight/proto/safelight/v1"
)

func TestAMistakenNameOfAListIsStoredMarkedAndNothingElseIsAsked(t *testing.T) {
	h := openHouse(t, nil)
	var asked []string
	h.server.unlisted = func(_ context.Context, e *model.Event) bool {
		asked = append(asked, e.Rule)
		return e.Rule == "gambling/list/mistaken"
	}
	var items []*safelightv1.Item
	for i, rule := range []string{"gambling/example.test", "gambling/list/bets", "gambling/list/mistaken"} {
		e := eventOf(i + 1)
		e.Verdict.Rule = rule
		items = append(items, itemOf(t, uint64(i+1), &safelightv1.Record{Kind: &safelightv1.Record_Event{Event: e}}))
	}
	ack := h.deliver(h.device("dev-1"), batchOf(items...))
	wantAnswers(t, ack, isStored, isStored, isStored)
	for _, e := range h.stored() {
		if e.Unlisted != (e.Rule == "gambling/list/mistaken") {
			t.Errorf("%s: unlisted %v", e.Rule, e.Unlisted)
		}
	}
	if len(asked) != 2 {
		t.Errorf("asked about %v, want the two rules of lists", asked)
	}
}
