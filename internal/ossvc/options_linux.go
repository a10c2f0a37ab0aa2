//go:build linux

package ossvc

import "github.com/kardianos/service"

// unit replaces the library's systemd unit, which waits two minutes before it
// starts a killed service again: a device would be unwatched for that long. The
// hardened unit, without root, comes with the Linux packages.
const unit = `[Unit]
Description={{Description}}
ConditionFileIsExecutable={{Path | cmdEscape}}
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart={{Path | cmdEscape}}{{range Arguments}} {{. | cmd}}{{end}}
Restart=always
RestartSec=2
TimeoutStopSec=15

[Install]
WantedBy=multi-user.target
`

func options() service.KeyValue { return service.KeyValue{"SystemdScript": unit} }
