package daemon

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"safelight/agent/selfcheck"
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
