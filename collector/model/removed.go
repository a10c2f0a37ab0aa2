package model

import (
	"fmt"
	"time"
)

// Removed counts what retention removed, or on a dry run would remove.
type Removed struct {
	Events        int64 `json:"events"`
	Alerts        int64 `json:"alerts"`
	Notifications int64 `json:"notifications"`
	Gaps          int64 `json:"gaps"`
	Health        int64 `json:"health"`
	// Checks are devices' checks, and what people asked for, wrote and signed.
	Checks   int64 `json:"checks"`
	Subjects int64 `json:"subjects"`
}

func (r Removed) String() string {
	return fmt.Sprintf("%d events, %d alerts, %d notifications, %d gaps, %d health events, %d of checks, %d subjects",
		r.Events, r.Alerts, r.Notifications, r.Gaps, r.Health, r.Checks, r.Subjects)
}

// TrialKept is how long a trial's data is kept after it was received (G13).
const TrialKept = 30 * 24 * time.Hour
