package clock

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// started and processID stand in for a boot wherever the system names none.
var (
	started   = time.Now()
	processID = randomID()
)

func randomID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // crypto/rand.Read never fails: it ends the program instead
	return hex.EncodeToString(b)
}

func sinceStart(now time.Time) (string, time.Duration) {
	return processID, now.Sub(started)
}
