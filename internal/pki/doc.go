// Package pki holds what Safelight trusts and how: owner-only key files behind
// crypto.Signer, the two-step certificate authority (root, then issuing), the
// enrolment token that pins first contact, and context-bound signatures over
// policy. It imports nothing of ours; collector/enrol, collector/policy,
// agent/enrol and agent/policy use it, and nobody else makes certificates.
//
// Lives: root 20 years, issuing 2 years, collector 1 year, device 90 days.
package pki

import "time"

// How long certificates live.
const (
	RootLife      = 20 * 365 * 24 * time.Hour
	IssuingLife   = 2 * 365 * 24 * time.Hour
	CollectorLife = 365 * 24 * time.Hour
	DeviceLife    = 90 * 24 * time.Hour

	// RenewGrace is how long after its expiry a device may still renew with
	// the same key: a summer, a lost charger, a year out of use.
	RenewGrace = 365 * 24 * time.Hour

	// backdate forgives a device whose clock is a little slow.
	backdate = time.Hour
)
