package fleet

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"safelight/collector/model"
)

// The sentences that IT reads of a device. They name settings and programs of the
// device, and nobody (G3).

const (
	// skewTold is how far a clock may be out before IT is told; events are corrected
	// whatever it is.
	skewTold = 2 * time.Minute
	// policyLate is how long a connected device may take for a new policy.
	policyLate = time.Hour
	// hidesFrom is how many hidden lookups, today and yesterday, make a device one
	// that hides them; a tunnel hides everything behind it, so that few are enough.
	hidesFrom, tunnelsFrom = 10, 3
	// One dropped observation in so many is told, and one that the system lost.
	droppedTold, lostTold = 200, 20
)

var tunnels = []string{"vpn", "wireguard", "openvpn", "ike", "proxy"}

// hidingMends says what to change, by what hides.
var hidingMends = map[string]string{
	"encrypted_dns": "Turn DNS over HTTPS off in the browsers’ policies, and lock it; restart the browser.",
	"own_resolver":  "Turn DNS over HTTPS and the built-in DNS client off in the browsers’ policies, and lock both; restart the browser.",
	"web_proxy":     "Have an agent beside the web proxy follow its log (weblog in agent.yaml), or let browsers out without it: what a proxy looks up is not seen on the device.",
	"dot":           "Turn private DNS (DNS over TLS) off in the system’s settings.",
	"doq":           "Turn DNS over QUIC off in the browsers’ policies or the resolver’s settings.",
	"ech":           "Turn Encrypted Client Hello off in the browsers’ policies, and lock it; restart the browser.",
}

const tunnelMend = "Find the program among those that are installed; remove it, or deny it in device management."

func causeSilent(d *model.LedgerDevice, missed int) model.Cause {
	c := model.Cause{Code: model.CauseSilent, Since: d.LastSeen, Unproves: true, Mend: "Switch it on, or find out where it is. If it is lost or retired, revoke it."}
	switch {
	case d.LastSeen.IsZero():
		c.Text = "It was enrolled, and nothing was ever heard from it."
		c.Since = d.Enrolled
	case missed == 1:
		c.Text = "Nothing was heard from it for a whole day of school."
	case missed >= farBack:
		c.Text = "Nothing was heard from it for over a year."
	default:
		c.Text = fmt.Sprintf("Nothing was heard from it for %d whole days of school.", missed)
	}
	return c
}

func causeNotHeard(enrolled time.Time) model.Cause {
	return model.Cause{Code: model.CauseNotHeard, Text: "It was enrolled, and nothing was heard from it yet.", Since: enrolled, Unproves: true, Mend: "Start the agent on it, and let it reach the collector."}
}

func causeRemoved(at time.Time) model.Cause {
	return model.Cause{Code: model.CauseRemoved, Text: "It said that Safelight was removed from it.", Since: at, Unproves: true, Mend: "If that was meant, revoke it; if not, install it again."}
}

func causeCertificate(ended time.Time) model.Cause {
	return model.Cause{Code: model.CauseCertificate, Text: "Its certificate has ended. It renews it by itself when it is back, for a year after the end.", Since: ended}
}

var causeNoCheck = model.Cause{
	Code: model.CauseNoCheck, Text: "No check was made on it yet.", Unproves: true, Mend: "Wait for the week’s check, or ask for one now.",
}

func causeCheckFailed(c Checked) model.Cause {
	text := "The newest check failed."
	if c.Failed != "" {
		text = "The newest check failed: " + c.Failed
	}
	return model.Cause{Code: model.CauseCheckFailed, Text: sentence(text), Since: c.At, Unproves: true}
}

func causeCheckOld(c Checked) model.Cause {
	return model.Cause{Code: model.CauseCheckOld, Text: "Its newest check is over a week old.", Since: c.At, Unproves: true, Mend: "Ask for a check now."}
}

func causeNeverEnrolled(k model.Kind) model.Cause {
	c := model.Cause{Code: model.CauseNeverEnrolled, Text: "It is issued, and was never enrolled.", Unproves: true}
	switch k {
	case model.KindWindows, model.KindMac, model.KindLinux:
		c.Mend = "Install the agent on it: Add devices has the commands."
	default:
		c.Mend = withoutAgent
	}
	return c
}

const withoutAgent = "No agent runs on such a device. Have one of the school’s follow the log of the proxy, filter or DNS server that it goes through, and say so with the number on Coverage."

func causeCounted(k model.Kind) model.Cause {
	c := causeNeverEnrolled(k)
	c.Text = "They are counted, and nothing of them is seen."
	return c
}

func causeLogStopped(l follower) model.Cause {
	text := "The log that " + l.name + " follows is not being read"
	if l.detail != "" {
		text += ": " + model.Plain(l.detail)
	}
	return model.Cause{Code: model.CauseLogStopped, Text: sentence(text), Unproves: true, Mend: "See to " + l.name + " first."}
}

var causeNoLog = model.Cause{
	Code: model.CauseLogStopped, Text: "Their sites are said to stand in a log that a device follows, and no device follows one.", Unproves: true,
	Mend: "Name the log under sources: in the agent.yaml of the device that has it.",
}

// statusCauses are what a device's own words say against it.
func (b *drawing) statusCauses(d *model.LedgerDevice) (all []model.Cause) {
	live := b.live[d.ID]
	add := func(c model.Cause, ok bool) {
		if ok {
			all = append(all, c)
		}
	}
	add(b.causeHidden(d, live))
	for _, s := range live.Sources {
		add(causeSource(s))
	}
	if len(live.Sources) == 0 && !live.Said.IsZero() {
		add(model.Cause{Code: model.CauseCaptureStopped, Text: "It has no source of sites or programs.", Unproves: true, Mend: "Turn one on in its agent.yaml."}, true)
	}
	add(b.causePolicy(live))
	if live.Skew.Abs() >= skewTold {
		way := "ahead"
		if live.Skew < 0 {
			way = "behind"
		}
		add(model.Cause{Code: model.CauseClock, Text: fmt.Sprintf("Its clock is %s %s.", span(live.Skew.Abs()), way), Mend: "Have it take its time from the network. Events are corrected meanwhile."}, true)
	}
	if behind(d.Version, b.version) {
		add(model.Cause{Code: model.CauseVersion, Text: fmt.Sprintf("It runs version %s; the collector runs %s.", d.Version, b.version), Mend: "Install the new package over the old one."}, true)
	}
	add(model.Cause{Code: model.CauseUngrouped, Text: "It belongs to no site and to no group.", Mend: "Enrol with a token of its site, or give the site in the export."}, d.Site == "" && d.Group == "")
	add(model.Cause{Code: model.CauseLost, Text: plural(d.Lost, "record is", "records are") + " nowhere: neither here nor on the device.", Mend: "Tell whoever looks after the server."}, d.Lost > 0)
	add(model.Cause{Code: model.CauseLetGo, Text: "Its store was full, or was put back: " + plural(d.LetGo, "record was", "records were") + " let go, and said to be."}, d.LetGo > 0)
	add(model.Cause{Code: model.CauseQuarantined, Text: plural(live.Quarantined, "record was", "records were") + " refused here and lie on the device."}, live.Quarantined > 0)
	if hw := hardwareKey(b.hardware[d.ID]); hw != "" && b.twins[hw] > 1 {
		add(model.Cause{Code: model.CauseSameHardware, Text: fmt.Sprintf("%d enrolled devices say that they are this hardware.", b.twins[hw]), Mend: "If one was replaced, revoke that one; if they are copies of a virtual machine, give each a number of its own."}, true)
	}
	add(b.causeCopied(d))
	add(b.causeHeld(d.ID, "it"))
	add(b.causeSharedKey(d))
	add(b.causeListed(d))
	return all
}

func (b *drawing) causeHidden(d *model.LedgerDevice, live Device) (model.Cause, bool) {
	lately := hiddenLately(live.Hidden, b.now)
	check := b.checks[d.ID]
	var parts, mends []string
	for _, what := range slices.Sorted(maps.Keys(model.HidingWords)) {
		n, least := lately[what], uint64(hidesFrom)
		if slices.Contains(tunnels, what) {
			least = tunnelsFrom
		}
		switch {
		case n >= least:
			parts = append(parts, fmt.Sprintf("%s by %s", times(n), model.HidingWords[what]))
		case check.Passed && check.Hidden[what] >= least && n > 0:
			parts = append(parts, "in its newest check by "+model.HidingWords[what])
		default:
			continue
		}
		mend, ok := hidingMends[what]
		if !ok {
			mend = tunnelMend
		}
		if !slices.Contains(mends, mend) {
			mends = append(mends, mend)
		}
	}
	return model.Cause{
		Code: model.CauseHidden, Unproves: true, Mend: strings.Join(mends, " "),
		Text: "It hid what it looked up, today or yesterday: " + strings.Join(parts, ", ") + ". Sites that were opened so are not seen.",
	}, len(parts) > 0
}

func causeSource(s model.SourceState) (model.Cause, bool) {
	name := sourceWords(s.Name)
	switch s.State {
	case "unavailable", "stopped":
		text := name + " sees nothing"
		if s.Detail != "" {
			text += ": " + model.Plain(s.Detail)
		}
		return model.Cause{Code: model.CauseCaptureStopped, Text: sentence(text), Unproves: true}, true
	}
	gone := s.Dropped
	if s.Lost*lostTold >= s.Seen+s.Lost { // a few of the shortest-lived are lost everywhere without BPF
		gone += s.Lost
	}
	if gone > 0 && gone*droppedTold >= s.Seen+gone {
		return model.Cause{
			Code: model.CauseDropping, Unproves: true,
			Text: fmt.Sprintf("%s let go of %d of %d observations since the agent was started.", name, gone, s.Seen+gone), Mend: "The device is too busy, or something floods it: look at its load.",
		}, true
	}
	return model.Cause{}, false
}

func sourceWords(name string) string {
	switch {
	case name == "network":
		return "The network source"
	case name == "process":
		return "The program source"
	case strings.HasPrefix(name, logPrefix):
		return "The followed log"
	}
	return "The source " + name
}

// causeNoRules is of every device at once: a school can enrol them all and judge nothing.
var causeNoRules = model.Cause{
	Code: model.CausePolicyNone, Text: "No rules were ever published, so nothing is judged.", Unproves: true, Mend: "Have the DSL publish rules (rules publish; rules unpack writes those that ship).",
}

func (b *drawing) causePolicy(live Device) (model.Cause, bool) {
	p := b.policy
	switch {
	case live.Said.IsZero():
		return model.Cause{}, false
	case p.Serial == 0 && live.PolicySerial == 0:
		return causeNoRules, true
	case p.Serial == 0:
		return model.Cause{}, false
	case live.PolicySerial == 0:
		return model.Cause{Code: model.CausePolicyNone, Text: "It has no rules yet.", Unproves: true}, true
	case live.PolicyEpoch == p.Epoch && live.PolicySerial >= p.Serial, live.PolicyEpoch > p.Epoch:
		return model.Cause{}, false
	case live.Said.Sub(p.Issued) < policyLate:
		return model.Cause{}, false // it is on its way
	}
	return model.Cause{
		Code: model.CausePolicyStale, Since: p.Issued,
		Text: fmt.Sprintf("It judges by older rules: version %d, where %d is in force.", live.PolicySerial, p.Serial),
		Mend: "Restart its service; if it stays so, its log says what it could not do.",
	}, true
}

// causeListed says of an enrolled device that the exports do not list it.
func (b *drawing) causeListed(d *model.LedgerDevice) (model.Cause, bool) {
	row, has := b.row[d.ID]
	switch {
	case has && !row.Gone.IsZero():
		return model.Cause{Code: model.CauseNotListed, Since: row.Gone, Text: "The newest export (" + row.Source + ") lists it no more.", Mend: "If it is retired, revoke it."}, true
	case !has && len(b.inventories) > 0:
		return model.Cause{Code: model.CauseNotListed, Text: "No export lists it.", Mend: "Give its serial number or name in an export, or revoke it."}, true
	}
	return model.Cause{}, false
}

func plural(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// span writes a length of time in the one unit that matters.
func span(d time.Duration) string {
	switch {
	case d < 90*time.Minute:
		return plural(uint64(d.Round(time.Minute)/time.Minute), "minute", "minutes")
	case d < 36*time.Hour:
		return plural(uint64(d.Round(time.Hour)/time.Hour), "hour", "hours")
	}
	return plural(uint64(d.Round(24*time.Hour)/(24*time.Hour)), "day", "days")
}

func sentence(s string) string {
	if s = strings.TrimSpace(s); !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") {
		s += "."
	}
	return s
}
