package daemon

import (
	"os"
	"runtime"
	"time"

	"safelight/agent/clock"
	"safelight/agent/spool"
	"safelight/internal/event"
	"safelight/internal/wire"
	safelightv1 "safelight/proto/safelight/v1"
)

func spoolStatus(s spool.Stats) SpoolStatus {
	out := SpoolStatus{DiskBytes: s.DiskBytes, MaxBytes: s.MaxBytes, Quarantined: s.Quarantined, Tombstones: s.Tombstones}
	for _, l := range s.Lanes {
		out.Lanes = append(out.Lanes, LaneStatus{Lane: event.Severity(l.Lane).String(), Depth: l.Depth, Bytes: l.Bytes, Dropped: l.Dropped})
	}
	return out
}

// report is the heartbeat.
func (a *agent) report() *safelightv1.AgentStatus {
	c := clock.Now()
	hostname, _ := os.Hostname() // an unnamed device is shown by its id
	epoch := a.spool.Epoch()
	stats := a.spool.Stats()
	st := &safelightv1.AgentStatus{
		At: wire.Clock(c.Wall, c.BootID, c.Mono), SpoolEpoch: epoch[:], Instance: a.instance,
		AuditCheckpoint: a.checkpoints.Latest(), Quarantined: stats.Quarantined, Hostname: hostname, Os: runtime.GOOS,
	}
	if p := a.policies.Active(); p != nil {
		st.PolicyEpoch, st.PolicySerial = p.Epoch, p.Serial
	}
	standing := a.standing(time.Now())
	for _, is := range standing {
		st.Sources = append(st.Sources, &safelightv1.SourceStatus{
			Name: is.Name, State: string(is.State), Seen: is.Seen, Dropped: is.Dropped, Lost: is.Lost, Way: is.Way, Detail: is.Detail,
		})
	}
	st.Hidden = coverageOf(standing, a.pipeline.Counts(), a.stops.Load()).Hidden
	for _, l := range stats.Lanes {
		st.Lanes = append(st.Lanes, &safelightv1.LaneStatus{
			Lane: safelightv1.Severity(l.Lane), Depth: l.Depth, Bytes: uint64(max(0, l.Bytes)), Dropped: l.Dropped, NextSeq: l.NextSeq,
		})
	}
	return st
}
