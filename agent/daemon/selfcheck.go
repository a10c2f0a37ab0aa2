package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"safelight/agent/attribution"
	"safelight/agent/policy"
	"safelight/agent/selfcheck"
	"safelight/agent/shipper"
	"safelight/agent/source"
	"safelight/agent/spool"
	"safelight/internal/event"
	"safelight/internal/localstate"
	"safelight/internal/version"
	safelightv1 "safelight/proto/safelight/v1"
)

const (
	// capChecks is what a collector announces on Ship that stores reports.
	capChecks = "checks"
	// capProtocols is what a collector announces that knows of every protocol which
	// a report tells of.
	capProtocols = "check-protocols"
	// capNetworks is what a collector announces that raises reviews for networks
	// that devices had not met.
	capNetworks = "check-networks"
	// capSelfcheck is what this agent announces on Watch.
	capSelfcheck = "selfcheck"
	// ledgerTime is how long the verb waits for the collector's answer.
	ledgerTime = 20 * time.Second
)

// Ledger says what became of a report.
type Ledger struct {
	Reached bool       `json:"reached"`
	At      *time.Time `json:"at,omitempty"` // by the collector's clock
	Why     string     `json:"why,omitempty"`
}

// Checked is what `selfcheck` prints.
type Checked struct {
	selfcheck.Report
	// Passed says that every source saw what it should and that the report is in
	// the collector's ledger.
	Passed bool   `json:"passed"`
	Ledger Ledger `json:"ledger"`
}

// buildChecks makes what checks this device. marks is asked by the pipeline.
func (a *agent) buildChecks(dir string, conf Checks, marks *selfcheck.Marks, tries selfcheck.Tries) {
	a.pages = selfcheck.FilterTest{
		Pages: conf.pages(), SignedIn: func() ([]string, error) { return attribution.SignedIn("/") },
		Pupil: func(account string) bool { return a.mayBePupil(account, conf.TestAccounts) },
	}
	a.checker = selfcheck.New(selfcheck.Around{
		Sources: a.sourcesNow, Judging: func() bool { return a.policies.Active() != nil },
		Policy: func() (epoch, serial uint64) {
			if p := a.policies.Active(); p != nil {
				return p.Epoch, p.Serial
			}
			return 0, 0
		},
		Hidden: func() map[string]uint64 {
			return coverageOf(a.sourcesNow(), a.pipeline.Counts(), a.stops.Load()).Hidden
		},
		Addresses: a.identity.Reach, Clock: readClock, Version: version.Version,
	}, marks, tries, a.log)
	a.keeper = selfcheck.NewKeeper(selfcheck.KeeperParts{
		File: filepath.Join(dir, "selfcheck.json"), Do: a.checkAndSend, Now: time.Now, Rand: rand.Float64,
		Ready: func() bool {
			return a.watcher.Connected() && a.shipper.Announced(capChecks) && a.policies.Active() != nil
		},
		Failed: func(ctx context.Context, err error) {
			a.log.WarnContext(ctx, "a check of this device came to nothing", slog.String("error", err.Error()))
		},
	})
}

func (a *agent) sourcesNow() []source.Status { return a.standing(time.Now()) }

// mayBePupil says whether an account could be a pupil's: whoever the collector
// does not know, or has not said, may be one.
func (a *agent) mayBePupil(account string, tests []string) bool {
	if slices.ContainsFunc(tests, func(t string) bool { return folded(t) == folded(account) }) {
		return false
	}
	switch a.accounts.Who(account).Role {
	case "staff", "contractor", "volunteer", "governor", "head":
		return false
	}
	return true
}

// recordFor makes the bytes of a report, in words that the collector has
// announced that it knows.
func recordFor(r selfcheck.Report, announced func(capability string) bool) ([]byte, error) {
	if !announced(capProtocols) {
		r = r.ForOlder()
	}
	return r.Record()
}

// metNetwork notes which of the school's networks the device is in.
func (a *agent) metNetwork(n policy.Network, now time.Time) {
	site, nets := a.overlays.Networks(n, now)
	if err := a.networks.At(site, nets, now); err != nil {
		a.log.Warn("a network that was met is not remembered", slog.String("error", err.Error()))
	}
}

// withNetworks adds where networks were met that are new, for a collector that
// raises reviews for them. A test of the filter tells of none.
func withNetworks(r selfcheck.Report, announced func(capability string) bool, fresh func() []string) selfcheck.Report {
	if announced(capNetworks) && !r.OfFilter() {
		r.NewNetworks = fresh()
	}
	return r
}

// spoolReport hands a check's report on, and with it where networks were met that
// are new: those stay untold until a report is kept that tells of them. A report that
// is in the spool is handed on, whatever fails after: its check is not made again.
func (a *agent) spoolReport(r selfcheck.Report, spooling func(data []byte)) error {
	r = withNetworks(r, a.shipper.Announced, a.networks.Fresh)
	data, err := recordFor(r, a.shipper.Announced)
	if err != nil {
		return err
	}
	spooling(data)
	if err := a.spool.Append([]spool.Record{{Lane: uint8(event.Low), Data: data}}, nil); err != nil {
		return err
	}
	if err := a.networks.Told(r.NewNetworks); err != nil {
		a.log.Warn("that new networks were told is not remembered: after a restart they are told again", slog.String("error", err.Error()))
	}
	return nil
}

// checkAndSend is a check that nobody waits for.
func (a *agent) checkAndSend(ctx context.Context, cause selfcheck.Cause, request string) error {
	r, err := a.checker.Check(ctx, cause, request)
	if err != nil {
		return err
	}
	a.log.InfoContext(ctx, "this device was checked", "cause", string(cause), "all_seen", r.Complete())
	return a.spoolReport(r, func([]byte) {})
}

// deliver spools a report and waits for the collector's answer.
func (a *agent) deliver(ctx context.Context, r selfcheck.Report) (Ledger, error) {
	if !a.shipper.Announced(capChecks) {
		if a.watcher.Connected() {
			return Ledger{Why: "the collector is older than this agent and keeps no checks: update it"}, nil
		}
		return Ledger{Why: "the collector does not answer: see `safelight-agent status`; the device checks itself again when it does"}, nil
	}
	var fate <-chan shipper.Fate
	stop := func() {}
	err := a.spoolReport(r, func(data []byte) { fate, stop = a.shipper.Follow(data) })
	defer func() { stop() }()
	if err != nil {
		return Ledger{}, err
	}
	timer := time.NewTimer(ledgerTime)
	defer timer.Stop()
	select {
	case f := <-fate:
		if !f.Stored {
			return Ledger{Why: "the collector refused the report: " + f.Reason}, nil
		}
		at := f.At.UTC()
		return Ledger{Reached: true, At: &at}, nil
	case <-timer.C:
		return Ledger{Why: "the collector has not answered for it within 20 s; it is sent as soon as it does"}, nil
	case <-ctx.Done():
		return Ledger{}, ctx.Err()
	}
}

// selfcheckCommand carries out the collector's request.
func (a *agent) selfcheckCommand(c *safelightv1.Command) error {
	seconds, err := strconv.ParseUint(c.GetArgs()["within_seconds"], 10, 31)
	if err != nil {
		return fmt.Errorf("reading a request to check: within_seconds: %w", err)
	}
	return a.keeper.Ask(c.GetArgs()["id"], time.Duration(seconds)*time.Second)
}

// checkRequest is what the verb asks for.
type checkRequest struct {
	// Filter asks for the school's test pages instead of the sources; Told is who
	// answers for the filter and was told.
	Filter bool   `json:"filter,omitempty"`
	Told   string `json:"told,omitempty"`
}

// serveCheck answers POST /selfcheck.
func (a *agent) serveCheck(w http.ResponseWriter, r *http.Request) {
	var req checkRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&req); err != nil {
		http.Error(w, "reading the request: "+err.Error(), http.StatusBadRequest)
		return
	}
	done, err := a.check(r.Context(), req)
	if err != nil {
		code := http.StatusConflict
		if !errors.Is(err, selfcheck.ErrBusy) {
			code = http.StatusInternalServerError
		}
		http.Error(w, err.Error(), code)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(done) // the asker left: nobody to tell
}

func (a *agent) check(ctx context.Context, req checkRequest) (Checked, error) {
	run := func() (selfcheck.Report, error) { return a.checker.Check(ctx, selfcheck.AskedHere, "") }
	if req.Filter {
		run = func() (selfcheck.Report, error) { return a.checker.CheckFilter(ctx, a.pages, req.Told) }
	}
	r, err := run()
	if err != nil {
		return Checked{}, err
	}
	ledger, err := a.deliver(ctx, r)
	if err != nil {
		return Checked{}, err
	}
	return Checked{Report: r, Passed: r.Complete() && ledger.Reached, Ledger: ledger}, nil
}

// ErrStopped says that no agent runs that could check itself.
var ErrStopped = errors.New("the agent does not run here, so nothing watches this device: start it with `safelight-agent service start`, then check again")

// Selfcheck asks the agent that runs on dir to check the device.
func Selfcheck(ctx context.Context, dir string, filter bool, told string) (Checked, error) {
	var done Checked
	err := askLocal(ctx, dir, http.MethodPost, "/selfcheck", checkRequest{Filter: filter, Told: told}, &done)
	if errors.Is(err, localstate.ErrNotRunning) {
		return done, fmt.Errorf("checking this device: %w", ErrStopped)
	}
	if err != nil {
		return done, fmt.Errorf("checking this device: %w", err)
	}
	return done, nil
}
