package model

import "time"

// DeviceCheck is what the newest checks of a device came to.
type DeviceCheck struct {
	Made   time.Time // when the newest was made
	Passed time.Time // when one last passed; zero: never
	// Hidden is what the newest found hidden, in the words of `status`
	// ("encrypted_dns", "ech", "vpn"); Detail is what it failed at, for IT.
	Hidden []string
	Detail string
}
