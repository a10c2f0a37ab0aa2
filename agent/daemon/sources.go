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

// sources builds what agent.yaml names. A log is read from its beginning when
// it is first followed: what stands there was meant to be seen.
func sources(conf Config, log *slog.Logger) ([]source.Source, error) {
	var all []source.Source
	if conf.Network.Enabled {
		all = append(all, network.New(network.Config{Owners: attribution.New(attribution.Config{}), Log: log}))
	}
	if conf.Process.Enabled {
		all = append(all, process.New(process.Config{Log: log}))
	}
	for _, w := range conf.Weblog {
		s, err := weblog.New(weblog.Config{Format: w.Format, Path: w.Path, Log: log})
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
