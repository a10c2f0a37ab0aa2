package console

import (
	"crypto/sha256"
	"fmt"
	"time"

	"safelight/collector/fleet"
	"safelight/collector/model"
	"safelight/internal/event"
)

// ledger is the real ledger of checks over the real store.
func (h *house) ledger() *fleet.Checks {
	return fleet.NewChecks(h.store, school, func() time.Time { return h.now().In(london(h.t)) })
}

// checked stores a device's check as it arrives from it.
func (h *house) checked(device string, at time.Time, body model.CheckBody) {
	h.t.Helper()
	h.seq++
	c := model.Check{
		School: school, Device: device, Place: model.Place{SpoolEpoch: []byte("epoch"), Lane: event.Low, Seq: uint64(h.seq)},
		Began: at, Received: at.Add(time.Second), Cause: model.CheckWeekly, CheckBody: body,
	}
	c.ID = [16]byte(fmt.Appendf(nil, "check-%010d", h.seq))
	digest := sha256.Sum256(c.ID[:])
	c.Digest = digest[:]
	stored, err := h.store.AppendRecords(h.t.Context(), school, model.Batch{Checks: []model.Check{c}})
	must(h.t, err)
	if stored.Checks[0] != model.StoredNew {
		h.t.Fatalf("the check was not stored: %v", stored)
	}
}

func sawAll() model.CheckBody {
	return model.CheckBody{
		System: "Debian GNU/Linux 12 (bookworm), kernel 6.1.0", Version: "v1.2.0", Browsers: []string{"firefox"},
		Results: []model.CheckResult{
			{Source: "network", What: model.CheckDNS, Outcome: model.CheckSeen, Way: "bpf", Via: event.ViaDNS, Delay: 2 * time.Second},
			{Source: "network", What: model.CheckTLS, Outcome: model.CheckSeen, Way: "bpf", Via: event.ViaTLS, Delay: 150 * time.Millisecond},
			{Source: "process", What: model.CheckProgram, Outcome: model.CheckSeen, Way: "bpf", Via: event.ViaExec, Delay: time.Millisecond},
		},
	}
}

func sawPrograms() model.CheckBody {
	b := sawAll()
	for i := range 2 {
		b.Results[i].Outcome, b.Results[i].Delay, b.Results[i].Detail = model.CheckNotSeen, 0, "the source is unavailable: the agent may not open a packet socket"
	}
	return b
}

func triedFilter() model.CheckBody {
	return model.CheckBody{System: "Debian GNU/Linux 12 (bookworm), kernel 6.1.0", Version: "v1.2.0", Told: "Demo Filter Owner", Results: []model.CheckResult{
		{Source: "Maker’s test page", What: model.CheckFilter, Outcome: model.CheckBlocked, Detail: "another page came"},
		{Source: "The school’s own page", What: model.CheckFilter, Outcome: model.CheckNotBlocked, ShouldOpen: true},
	}}
}

// checkedWeek is this week with one of each.
func (h *house) checkedWeek() {
	h.t.Helper()
	h.checked("device-1", monday.AddDate(0, 0, -7), sawAll())
	changed := sawAll()
	changed.System, changed.Browsers = "Debian GNU/Linux 13 (trixie), kernel 6.12.1", []string{"firefox", "tor-browser"}
	h.checked("device-1", at(8, 2), changed)
	hidden := sawAll()
	hidden.Hidden = map[string]uint64{"dot": 14, "vpn": 1, "unheard-of": 3}
	h.checked("device-2", at(8, 40), hidden)
	h.checked("device-3", at(9, 11), sawPrograms())
	h.checked("device-4", at(9, 30), sawAll())
	h.checked("device-2", at(9, 50), triedFilter())
}
