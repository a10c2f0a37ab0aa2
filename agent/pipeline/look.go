package pipeline

import (
	"net/netip"
	"sync/atomic"

	"safelight/internal/event"
	"safelight/internal/rules"
)

// look marks an observation by what the policy's lists and the order of visits
// say of it, before it is judged. Where it shows that an earlier visit ended at
// a filter's block page, that visit is given back as an attempt (G10).
func (p *Pipeline) look(set *rules.Ruleset, q *queued) (earlier queued, refused bool) {
	if q.Kind != event.Domain || rules.IsHelpline(q.Name) {
		return queued{}, false
	}
	marks, where := set.Marks(q.Name), addressMarks(set, q.Server)
	p.hidden.add(marks|where, q.Observation)
	if q.Noise = q.Noise || marks&rules.MarkNoise != 0; q.Noise {
		p.noise.Add(1)
	}
	switch {
	case marks&rules.MarkBlockPage != 0:
		return p.ledToBlockPage(q)
	case where&rules.MarkBlockPage != 0: // another's name, at the block page's address
		q.Attempt, q.blockPage = true, true
	case p.parts.Pages != nil && !q.Noise:
		q.part = p.parts.Pages.Seen(q.Observation, q.mono)
	}
	return queued{}, false
}

func (p *Pipeline) ledToBlockPage(q *queued) (earlier queued, refused bool) {
	if p.parts.Pages == nil {
		return queued{}, false
	}
	visit, ok := p.parts.Pages.Blocked(q.Observation, q.mono)
	earlier = *q // its checkpoint, too: both are of one line
	earlier.Observation, earlier.blockPage = visit, true
	return earlier, ok
}

func addressMarks(set *rules.Ruleset, server string) rules.Mark {
	at, err := netip.ParseAddrPort(server)
	if err != nil {
		return 0
	}
	return set.AddressMarks(at.Addr())
}

// hiddenCounters are HiddenCounts that many may read while one adds.
type hiddenCounters struct{ encryptedDNS, ech, vpn, proxy atomic.Uint64 }

func (h *hiddenCounters) add(m rules.Mark, o event.Observation) {
	n := uint64(max(1, o.Count))
	if m&rules.MarkEncryptedDNS != 0 {
		h.encryptedDNS.Add(n)
	}
	if m&rules.MarkECH != 0 && o.Via == event.ViaLog { // in packets the decoder counts it, and knows more
		h.ech.Add(n)
	}
	if m&rules.MarkVPN != 0 {
		h.vpn.Add(n)
	}
	if m&rules.MarkProxy != 0 {
		h.proxy.Add(n)
	}
}

func (h *hiddenCounters) read() HiddenCounts {
	return HiddenCounts{EncryptedDNS: h.encryptedDNS.Load(), ECH: h.ech.Load(), VPN: h.vpn.Load(), Proxy: h.proxy.Load()}
}

// isGrave says that a verdict is of what puts a life or a child at risk. The
// noise list and a guess by time are data and chance: a mistake in either must
// not bury a child (G1, G10), and browsers call no such site by themselves. So
// neither quiets a grave finding, nor words it as a part of another page.
func isGrave(set *rules.Ruleset, v rules.Verdict) bool {
	c, ok := set.Category(v.Category)
	return ok && (c.Locked || c.Risk != rules.RiskOrdinary)
}
