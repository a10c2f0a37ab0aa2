package watch

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	safelightv1 "safelight/proto/safelight/v1"
)

func TestAPauseIsNeitherBackwardsNorForEver(t *testing.T) {
	for _, c := range []struct{ asked, want time.Duration }{
		{0, 0}, {-time.Hour, 0}, {time.Minute, time.Minute}, {10 * 365 * 24 * time.Hour, maxPause},
	} {
		if got := pause(&safelightv1.BackOff{Wait: durationpb.New(c.asked)}); got != c.want {
			t.Errorf("asked for %s: waits %s, want %s", c.asked, got, c.want)
		}
	}
	if got := pause(&safelightv1.BackOff{}); got != 0 {
		t.Errorf("asked for nothing: waits %s", got)
	}
}
