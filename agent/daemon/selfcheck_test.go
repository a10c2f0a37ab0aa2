package daemon

import (
	"log/slog"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"safelight/agent/selfcheck"
	"safelight/agent/shipper"
	"safelight/agent/spool"
	"safelight/internal/event"
	safelightv1 "safelight/proto/safelight/v1"
)

// An older collector refuses the whole of a report that holds a word it does not
// know, and the device would count as unchecked.
func TestAProtocolIsReportedOnlyWhereTheCollectorKnowsOfIt(t *testing.T) {
	r := selfcheck.Report{Cause: selfcheck.Weekly, Results: []selfcheck.Result{
		{Source: "network", What: selfcheck.DNS, Outcome: selfcheck.Seen},
		{Source: "network", What: selfcheck.HTTP, Outcome: selfcheck.Seen},
		{Source: "network", What: selfcheck.QUIC, Outcome: selfcheck.NotChecked},
	}}
	for _, c := range []struct {
		able []string
		want int
	}{{[]string{capChecks}, 1}, {[]string{capChecks, capProtocols}, 3}} {
		data, err := recordFor(r, func(capability string) bool { return slices.Contains(c.able, capability) })
		if err != nil {
			t.Fatal(err)
		}
		var rec safelightv1.Record
		if err := proto.Unmarshal(data, &rec); err != nil {
			t.Fatal(err)
		}
		if got := rec.GetCheck().GetResults(); len(got) != c.want {
			t.Errorf("a collector that announces %v is sent %d results, want %d", c.able, len(got), c.want)
		}
	}
}

// What is told to a collector that does not listen is lost, for it is told once.
func TestANewNetworkIsToldToACollectorThatRaisesReviewsAlone(t *testing.T) {
	fresh := func() []string { return []string{"Main"} }
	monitor := selfcheck.Report{Cause: selfcheck.Weekly, Results: []selfcheck.Result{{Source: "network", What: selfcheck.DNS, Outcome: selfcheck.Seen}}}
	filter := selfcheck.Report{Cause: selfcheck.AskedHere, Results: []selfcheck.Result{{Source: "Ours", What: selfcheck.Filter, Outcome: selfcheck.Blocked}}}
	for _, c := range []struct {
		report selfcheck.Report
		able   []string
		want   int
	}{{monitor, []string{capNetworks}, 1}, {monitor, []string{capChecks}, 0}, {filter, []string{capNetworks}, 0}} {
		data, err := withNetworks(c.report, func(capability string) bool { return slices.Contains(c.able, capability) }, fresh).Record()
		if err != nil {
			t.Fatal(err)
		}
		var rec safelightv1.Record
		if err := proto.Unmarshal(data, &rec); err != nil {
			t.Fatal(err)
		}
		if got := rec.GetCheck().GetNewNetworks(); len(got) != c.want {
			t.Errorf("%v of a collector that announces %v: %q, want %d", c.report.Results[0].What, c.able, got, c.want)
		}
	}
}

// A report that is in the spool goes out. Should what it told of not be remembered, a
// check that was made again for it would be a second one in the ledger.
func TestAReportThatWasSpooledIsDoneThoughItsNetworksAreNotRemembered(t *testing.T) {
	networks, err := selfcheck.OpenNetworks(filepath.Join(t.TempDir(), "gone", "networks.json"))
	if err != nil {
		t.Fatal(err)
	}
	if networks.Told([]string{"Main"}) == nil {
		t.Fatal("a folder that is not there takes a file")
	}
	kept, err := spool.Open(t.TempDir(), spool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	a := &agent{log: slog.New(slog.DiscardHandler), networks: networks, spool: kept, shipper: shipper.New(shipper.Config{Spool: kept})}
	r := selfcheck.Report{Cause: selfcheck.Weekly, NewNetworks: []string{"Main"}, Results: []selfcheck.Result{{Source: "network", What: selfcheck.DNS, Outcome: selfcheck.Seen}}}
	spooled := 0
	if err := a.spoolReport(r, func([]byte) { spooled++ }); err != nil || spooled != 1 {
		t.Errorf("%v after %d reports: the keeper would check again within the hour", err, spooled)
	}
	if n := kept.Stats().Lanes[event.Low-1].Depth; n != 1 {
		t.Errorf("%d reports are spooled, want 1", n)
	}
}
