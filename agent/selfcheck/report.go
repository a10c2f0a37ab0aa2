package selfcheck

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"safelight/internal/event"
	"safelight/internal/wire"
	safelightv1 "safelight/proto/safelight/v1"
)

// What a check tried.
type What string

// The things that a check tries or looks at.
const (
	DNS     What = "dns"
	TLS     What = "tls"
	HTTP    What = "http"
	QUIC    What = "quic"
	Program What = "program"
	Log     What = "log"
	Filter  What = "filter"
)

// Outcome is what became of a try.
type Outcome string

// The outcomes of a try.
const (
	Seen       Outcome = "seen"
	NotSeen    Outcome = "not-seen"
	NotChecked Outcome = "not-checked"
	Blocked    Outcome = "blocked"
	NotBlocked Outcome = "not-blocked"
)

// Cause says why a device checks itself.
type Cause string

// The causes of a check.
const (
	AskedHere   Cause = "asked-here"
	Weekly      Cause = "weekly"
	ByCollector Cause = "collector"
)

// Result is what became of one try. It holds no names, hosts or accounts.
type Result struct {
	Source  string        `json:"source"`
	What    What          `json:"what"`
	Outcome Outcome       `json:"outcome"`
	Way     string        `json:"way,omitempty"`
	Via     event.Via     `json:"via,omitempty"`
	Delay   time.Duration `json:"-"`
	DelayMS int64         `json:"delay_ms,omitempty"`
	Detail  string        `json:"detail,omitempty"`
	// ShouldOpen is of a filter's page that is there to show that there is a
	// connection at all.
	ShouldOpen bool `json:"should_open,omitempty"`
}

// Good says that a try came out as it should.
func (r Result) Good() bool {
	if r.What == Filter {
		return r.Outcome == Blocked && !r.ShouldOpen || r.Outcome == NotBlocked && r.ShouldOpen
	}
	return r.Outcome == Seen
}

// Failed says that a try came out as it should not. What could not be tried has
// neither failed nor proved anything.
func (r Result) Failed() bool { return !r.Good() && r.Outcome != NotChecked }

// Report is one check of this device.
type Report struct {
	ID      [16]byte  `json:"-"`
	Began   time.Time `json:"began"`
	Cause   Cause     `json:"cause"`
	Request string    `json:"request,omitempty"`
	Results []Result  `json:"results"`
	// Hidden counts what kept names from being seen, since the agent started.
	Hidden map[string]uint64 `json:"hidden"`
	// System is the operating system with its version, Browsers those installed.
	System   string   `json:"system"`
	Browsers []string `json:"browsers"`
	Version  string   `json:"version"`
	// PolicyEpoch and PolicySerial are those of the rules in force.
	PolicyEpoch  uint64 `json:"policy_epoch"`
	PolicySerial uint64 `json:"policy_serial"`
	// NewNetworks are the sites at which a network was met that is new to this
	// device; none is named.
	NewNetworks []string `json:"new_networks,omitempty"`
	// Told is who answers for the filter and was told beforehand.
	Told string `json:"told,omitempty"`

	bootID string
	mono   time.Duration
}

// OfFilter says that the filter was tried, and not what this device sees.
func (r Report) OfFilter() bool {
	return slices.ContainsFunc(r.Results, func(one Result) bool { return one.What == Filter })
}

// Complete says that each source saw what it should, and that nothing was left
// untried.
func (r Report) Complete() bool {
	return len(r.Results) > 0 && !slices.ContainsFunc(r.Results, func(one Result) bool { return !one.Good() })
}

var (
	whats = map[What]safelightv1.CheckWhat{
		DNS: safelightv1.CheckWhat_CHECK_WHAT_DNS, TLS: safelightv1.CheckWhat_CHECK_WHAT_TLS, Program: safelightv1.CheckWhat_CHECK_WHAT_PROGRAM,
		HTTP: safelightv1.CheckWhat_CHECK_WHAT_HTTP, QUIC: safelightv1.CheckWhat_CHECK_WHAT_QUIC,
		Log: safelightv1.CheckWhat_CHECK_WHAT_LOG, Filter: safelightv1.CheckWhat_CHECK_WHAT_FILTER,
	}
	outcomes = map[Outcome]safelightv1.CheckOutcome{
		Seen: safelightv1.CheckOutcome_CHECK_OUTCOME_SEEN, NotSeen: safelightv1.CheckOutcome_CHECK_OUTCOME_NOT_SEEN,
		NotChecked: safelightv1.CheckOutcome_CHECK_OUTCOME_NOT_CHECKED, Blocked: safelightv1.CheckOutcome_CHECK_OUTCOME_BLOCKED,
		NotBlocked: safelightv1.CheckOutcome_CHECK_OUTCOME_NOT_BLOCKED,
	}
	causes = map[Cause]safelightv1.CheckCause{
		AskedHere: safelightv1.CheckCause_CHECK_CAUSE_ASKED_HERE, Weekly: safelightv1.CheckCause_CHECK_CAUSE_WEEKLY,
		ByCollector: safelightv1.CheckCause_CHECK_CAUSE_COLLECTOR,
	}
)

// Limits of the protocol, in characters and items.
const (
	maxResults  = 128
	maxText     = 255
	maxSystem   = 128
	maxBrowsers = 32
	maxHidden   = 32
	maxSites    = 32
	maxReport   = 60 << 10 // bytes: what fits the spool
)

// ForOlder is the report for a collector that knows of questions and hellos
// alone: it would refuse the whole of one that says more.
func (r Report) ForOlder() Report {
	r.Results = slices.DeleteFunc(slices.Clone(r.Results), func(one Result) bool { return one.What == HTTP || one.What == QUIC })
	return r
}

// Record makes the bytes of the report's Record.
func (r Report) Record() ([]byte, error) {
	m := &safelightv1.CheckReport{
		Id: r.ID[:], Observed: wire.Clock(r.Began, r.bootID, r.mono), Cause: causes[r.Cause], Request: wire.Cut(r.Request, 64),
		Version: wire.Cut(r.Version, 64), System: wire.Cut(r.System, maxSystem), Told: wire.Cut(r.Told, maxText),
		PolicyEpoch: r.PolicyEpoch, PolicySerial: r.PolicySerial, Hidden: map[string]uint64{},
	}
	for _, one := range r.Results[:min(len(r.Results), maxResults)] {
		m.Results = append(m.Results, &safelightv1.CheckResult{
			Source: wire.Cut(one.Source, maxText), What: whats[one.What], Outcome: outcomes[one.Outcome], Way: wire.Cut(one.Way, 64),
			Via: wire.ViaToProto(one.Via), DelayNs: max(0, one.Delay.Nanoseconds()), Detail: wire.Cut(one.Detail, maxText), ShouldOpen: one.ShouldOpen,
		})
	}
	for what, n := range r.Hidden {
		if n > 0 && len(m.Hidden) < maxHidden {
			m.Hidden[wire.Cut(what, 64)] = n
		}
	}
	for _, site := range r.NewNetworks[:min(len(r.NewNetworks), maxSites)] {
		m.NewNetworks = append(m.NewNetworks, wire.Cut(site, maxText))
	}
	for _, b := range r.Browsers[:min(len(r.Browsers), maxBrowsers)] {
		m.Browsers = append(m.Browsers, wire.Cut(b, 64))
	}
	if proto.Size(m) > maxReport {
		for _, one := range m.Results { // what came out is told, why is not
			one.Detail, one.Source = "", wire.Cut(one.Source, 64)
		}
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(&safelightv1.Record{Kind: &safelightv1.Record_Check{Check: m}})
	if err != nil {
		return nil, fmt.Errorf("writing a check's report: %w", err)
	}
	return data, nil
}
