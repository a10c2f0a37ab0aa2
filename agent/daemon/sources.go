package daemon

import (
	"log/slog"

	"safelight/agent/attribution"
	"safelight/agent/shipper"
	"safelight/agent/source"
	"safelight/agent/source/network"
	"safelight/agent/source/process"
	"safelight/agent/source/weblog"
	"safelight/agent/spool"
	"safelight/internal/version"
	safelightv1 "safelight/proto/safelight/v1"
)

// sources builds what agent.yaml names. owners is one for all: what starts is
// then known when it connects.
func sources(conf Config, owners *attribution.Resolver, log *slog.Logger) ([]source.Source, error) {
	var all []source.Source
	if conf.Network.Enabled {
		way, err := network.ParseWay(conf.Network.Capture)
		if err != nil {
			return nil, err
		}
		all = append(all, network.New(network.Config{Capture: way, Cgroup: conf.Network.Cgroup, Owners: owners, Log: log}))
	}
	if conf.Process.Enabled {
		all = append(all, process.New(process.Config{Owners: owners, Log: log}))
	}
	for _, w := range conf.Weblog {
		c, err := w.config()
		if err != nil {
			return nil, err
		}
		c.Log = log
		s, err := weblog.New(c)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func newShipper(s *spool.Spool, client safelightv1.AgentServiceClient, log *slog.Logger) *shipper.Shipper {
	return shipper.New(shipper.Config{Spool: s, Client: client, Version: version.Version, Capabilities: []string{"tombstones"}, Log: log})
}
