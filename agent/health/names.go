package health

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// maxHosts bounds what is read of a hosts file: those that block adverts have some
// hundred thousand lines.
const maxHosts = 16 << 20

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// lookAtHosts says that the hosts file is another one, and whether it stands in the
// way of the collector or of a helpline. The first look only remembers, unless it
// does.
func (w *Watcher) lookAtHosts(now mark) {
	if w.Places.Hosts == "" {
		return
	}
	data, err := readUpTo(w.Places.Hosts, maxHosts)
	if err != nil && !os.IsNotExist(err) {
		return // it cannot be read now
	}
	is := sum(data)
	before := w.kept.Hosts
	if is == before {
		return
	}
	w.kept.Hosts = is
	collector, helpline := w.namedIn(string(data))
	if before == "" && !collector && !helpline {
		return
	}
	detail := "The hosts file changed."
	if before == "" {
		detail = "The hosts file gives addresses for names that matter."
	}
	switch {
	case collector:
		detail += " The collector’s own name is in it, so the device may not reach the collector."
	default:
		detail += " The collector’s own name is not in it."
	}
	if helpline {
		detail += " The name of a helpline’s site is in it, so that site may not open."
	}
	w.tell(now, HostsFile, detail)
}

// namedIn reads hosts(5): an address, then names; # begins a comment.
//
//	127.0.0.1  localhost
//	0.0.0.0    collector.school.example  # not today
func (w *Watcher) namedIn(hosts string) (collector, helpline bool) {
	own := w.Own()
	for line := range strings.Lines(hosts) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		for _, name := range fields[min(1, len(fields)):] {
			name = strings.TrimSuffix(strings.ToLower(name), ".")
			if name == "localhost" {
				continue // a collector on the device itself
			}
			collector = collector || slices.Contains(own, name)
			helpline = helpline || w.Helpline(name)
		}
	}
	return collector, helpline
}

func readUpTo(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

// lookAtServers says that the name servers are others while the network is the same:
// those of another network are others, and nobody's doing.
func (w *Watcher) lookAtServers(now mark) {
	network := w.Network()
	if network == "" {
		return
	}
	all := w.Servers()
	if len(all) == 0 {
		return // between two networks
	}
	all = slices.Clone(all)
	slices.Sort(all)
	network, servers := sum([]byte(network)), sum([]byte(strings.Join(slices.Compact(all), " ")))
	if w.kept.Network == network && w.kept.Servers != servers {
		w.tell(now, NameServers, fmt.Sprintf("The device asks other name servers than before (%d of them) though its network is the same.", len(slices.Compact(all))))
	}
	w.kept.Network, w.kept.Servers = network, servers
}
