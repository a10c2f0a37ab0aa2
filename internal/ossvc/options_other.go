//go:build !linux

package ossvc

import "github.com/kardianos/service"

// options asks each manager to start the service with the machine and to start
// it again soon after a failure; a manager ignores what is not its own.
func options() service.KeyValue {
	return service.KeyValue{
		"KeepAlive":              true, // launchd
		"RunAtLoad":              true,
		"OnFailure":              "restart", // Windows
		"OnFailureDelayDuration": "2s",
		"DelayedAutoStart":       false,
	}
}
