package daemon

import (
	"fmt"
	"time"

	"google.golang.org/grpc/keepalive"
)

// Routers at home forget a TCP connection that was silent for some minutes, the
// worst we allow for two, and say so to nobody. So the line is asked after 90
// seconds, and given up when it has not answered for 20: a line that died in
// silence is made anew within 110 seconds. Less than 10 seconds gRPC does not do.
const (
	quietFor     = 90 * time.Second
	shortest     = 10 * time.Second
	longest      = 10 * time.Minute
	answerWithin = 20 * time.Second
)

// quiet reads the keepalive setting; empty is quietFor.
func quiet(said string) (time.Duration, error) {
	if said == "" {
		return quietFor, nil
	}
	d, err := time.ParseDuration(said)
	if err != nil || d < shortest || d > longest {
		return 0, fmt.Errorf("keepalive %q: want a time from %s to %s, such as 90s", said, shortest, longest)
	}
	return d, nil
}

func asked(after time.Duration) keepalive.ClientParameters {
	return keepalive.ClientParameters{Time: after, Timeout: min(after, answerWithin), PermitWithoutStream: false}
}
