package health

import (
	"slices"
	"time"

	"safelight/agent/source"
)

// looks is how many looks in a row something has to be so: what mends itself within a
// minute is no fact for anybody.
const looks = 2

// lookAtSources says that a source which has seen sees no more, or by another way. One
// that never worked on this device is in its status, and is no change.
func (w *Watcher) lookAtSources(now mark) {
	for _, s := range w.Sources() {
		before, worked := w.kept.Sources[s.Name]
		switch s.State {
		case source.Running:
			w.lost[s.Name] = 0
			if w.gone[s.Name] {
				delete(w.gone, s.Name)
				w.tell(now, SourceBack, "The source "+s.Name+" sees again.")
			} else if worked && before != "" && s.Way != "" && s.Way != before {
				w.tell(now, SourceLost, "The source "+s.Name+" sees by "+s.Way+" now, and no more by "+before+".")
			}
			w.kept.Sources[s.Name] = s.Way
		case source.Unavailable, source.Stopped:
			w.lost[s.Name]++
			if worked && w.lost[s.Name] >= looks && !w.gone[s.Name] {
				w.gone[s.Name] = true
				w.tell(now, SourceLost, "The source "+s.Name+" sees nothing any more"+because(s.Detail))
			}
		case source.Starting: // it may take a minute
		}
	}
}

func because(detail string) string {
	if detail == "" {
		return "."
	}
	return ": " + detail + "."
}

const (
	// unreachable is how long the collector may be away before that is a fact.
	unreachable = 10 * time.Minute
	// manyNames were seen meanwhile: the network works.
	manyNames = 20
	// maxNetworks are remembered.
	maxNetworks = 16
)

// away is a time without the collector.
type away struct {
	since mark   // zero: the collector answers
	names uint64 // seen before it
	told  bool
}

// lookForCollector says that the collector is not reached from a network where it was
// reached before, while other names are asked for. At home, behind no collector,
// nothing is told.
func (w *Watcher) lookForCollector(now mark) {
	network := w.Network()
	if w.Connected() {
		if w.away.told {
			w.tell(now, Reached, "The collector is reached again, after "+duration(now.Mono-w.away.since.Mono)+".")
		}
		w.away = away{}
		if network != "" {
			w.reachedFrom(sum([]byte(network)))
		}
		return
	}
	if network == "" || !slices.Contains(w.kept.Networks, sum([]byte(network))) {
		if !w.away.told {
			w.away = away{}
		}
		return
	}
	if w.away.since.Wall.IsZero() {
		w.away = away{since: now, names: w.Names()}
		return
	}
	if !w.away.told && now.Mono-w.away.since.Mono >= unreachable && w.Names() >= w.away.names+manyNames {
		w.away.told = true
		w.tell(now, Unreachable, "The collector is not reached, for "+duration(now.Mono-w.away.since.Mono)+
			" now, from a network where it was reached before, while other names are. The collector may be off, or a firewall in between.")
	}
}

func (w *Watcher) reachedFrom(network string) {
	if n := len(w.kept.Networks); n > 0 && w.kept.Networks[n-1] == network {
		return
	}
	all := slices.DeleteFunc(w.kept.Networks, func(other string) bool { return other == network })
	all = append(all, network)
	w.kept.Networks = all[max(0, len(all)-maxNetworks):]
}
