package selfcheck

import (
	"context"
	"slices"
	"strings"

	"safelight/agent/source"
)

// visit is a way to say a name that a network source reads: as people's visits
// go and, where it is not seen so or cannot be sent, over loopback.
type visit struct {
	what What
	far  func(ctx context.Context, name string) (sent bool)
	near func(ctx context.Context, name string) error
}

// visits are those that a network source is tried with, by its way of seeing.
func (c *Checker) visits(way string) []visit {
	all := []visit{{DNS, c.tries.Ask, c.tries.AskHere}}
	if seesConnections(way) {
		all = append(all, visit{TLS, c.atCollector(c.tries.Greet), c.tries.GreetHere}, visit{HTTP, c.atCollector(c.tries.Request), c.tries.RequestHere},
			visit{QUIC, c.atCollector(c.tries.Connect), c.tries.ConnectHere})
	}
	return all
}

// seesConnections says whether a way of seeing is told of more than questions.
func seesConnections(way string) bool { return way != "etw" }

// atCollector says a name where the collector is reached, the first place that
// can be: no other would be troubled by a check.
func (c *Checker) atCollector(say func(ctx context.Context, address, name string) error) func(context.Context, string) bool {
	return func(ctx context.Context, name string) bool {
		return slices.ContainsFunc(c.around.Addresses(), func(address string) bool { return say(ctx, address, name) == nil })
	}
}

// visitResults say of each protocol what a network source sees of it.
func (c *Checker) visitResults(t *trial, s source.Status) []Result {
	tried := c.visits(s.Way)
	var all []Result
	for _, what := range []What{DNS, TLS, HTTP, QUIC} {
		r := Result{Source: s.Name, What: what, Way: s.Way, Outcome: NotChecked}
		if slices.ContainsFunc(tried, func(v visit) bool { return v.what == what }) {
			r = c.result(t, s, what)
		} else {
			r.Detail = "this way of seeing is told of questions, not of connections"
		}
		all = append(all, r)
	}
	return all
}

// hiders are what keeps a protocol's names from being seen, by the words of
// `status`, in the order in which they are told. Tunnels keep each of them.
var hiders = map[What][]string{
	DNS:  {"encrypted_dns", "own_resolver", "web_proxy", "dot", "doq"},
	TLS:  {"ech"},
	HTTP: {"proxy"},
	QUIC: {"ech"},
}

var tunnels = []string{"vpn", "wireguard", "openvpn", "ike"}

// hiding says which of what was met since the agent's start hides a protocol's
// names; empty: none of it.
func hiding(what What, met map[string]uint64) string {
	if _, visited := hiders[what]; !visited {
		return ""
	}
	var all []string
	for _, h := range slices.Concat(hiders[what], tunnels) {
		if met[h] > 0 {
			all = append(all, h)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "; met since the agent's start, and able to hide it: " + strings.Join(all, ", ")
}
