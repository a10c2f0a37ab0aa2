package pipeline_test

import (
	"maps"
	"strings"
	"testing"
	"testing/synctest"

	"safelight/agent/pipeline"
	"safelight/internal/event"
)

// checking takes out what is called after a check.
type checking struct{ sources []string }

func (c *checking) Took(source string, o event.Observation) bool {
	if strings.HasPrefix(o.Name, "check.") {
		c.sources = append(c.sources, source)
		return true
	}
	return false
}

func TestG19WhatBelongsToACheckIsNeverJudgedAndCountsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{disk: &disk{}, logged: &lockedBuilder{}}
		p, checks := parts(t, h.disk, h.logged), &checking{}
		p.Checks = checks
		h.Pipeline = pipeline.New(p)
		log := h.Sink("weblog")
		must(t, log.Put(t.Context(), visit("flagged.test", "1")))
		must(t, log.Put(t.Context(), visit("check.flagged.test", "2"))) // which the rule would flag
		h.Sink("network").Offer(visit("check.flagged.test", ""))
		h.PolicyArrived()
		defer h.start(t)()
		synctest.Wait()
		if got := h.disk.names(); len(got) != 1 || got[0] != "flagged.test" {
			t.Errorf("sent %v, want the visit alone", got)
		}
		if got, want := h.Counts(), (pipeline.Counts{Judged: 1, Flagged: 1}); got != want {
			t.Errorf("counts %+v, want %+v", got, want)
		}
		if got := h.disk.places(); !maps.Equal(got, map[string]string{"weblog": "2"}) {
			t.Errorf("the place in the log is %v: a check's line would be read again", got)
		}
		if len(checks.sources) != 2 || checks.sources[1] != "network" {
			t.Errorf("seen by %v", checks.sources)
		}
	})
}
