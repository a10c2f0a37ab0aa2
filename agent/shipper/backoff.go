package shipper

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"safelight/agent/clock"
)

const (
	backoffBase = 500 * time.Millisecond
	backoffCap  = time.Minute
	// A stream that lived this long and was answered ends the backing off.
	healthyAfter = 30 * time.Second
	// A refused device asks again now and then: its certificate may be
	// renewed, or its revocation taken back.
	refusedWait = 5 * time.Minute
	// maxPause bounds what a collector can ask for, so that a slip there does
	// not silence a device for good.
	maxPause = time.Hour
)

func (c Config) withDefaults() Config {
	if c.Clock == nil {
		c.Clock = clock.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	if c.AckTimeout == 0 {
		c.AckTimeout = 30 * time.Second
	}
	return c
}

// backoff is exponential with full jitter: after a failure of the collector the
// devices of a school come back spread over the whole wait, not all at its end.
type backoff struct {
	rand  func() float64
	tries int
}

func (b *backoff) next() time.Duration {
	ceiling := min(backoffCap, backoffBase<<min(b.tries, 16))
	b.tries++
	return time.Duration(b.rand() * float64(ceiling))
}

func (b *backoff) reset() { b.tries = 0 }

// afterFailure says how long to wait, and makes a refusal visible.
func (s *Shipper) afterFailure(ctx context.Context, retry *backoff, err error) time.Duration {
	// the error's text may hold addresses, which no log does (G11)
	code := status.Code(err)
	if code == codes.PermissionDenied || code == codes.Unauthenticated {
		if s.Status().State != Refused { // not each ten minutes
			s.cfg.Log.WarnContext(ctx, "collector refuses this device", slog.String("code", code.String()))
		}
		s.setState(Refused)
		return refusedWait + time.Duration(s.cfg.Rand()*float64(refusedWait))
	}
	s.setState(Connecting)
	wait := max(retry.next(), askedFor(err))
	s.cfg.Log.InfoContext(ctx, "stream to collector ended", slog.String("code", code.String()), slog.Duration("retry_in", wait))
	return wait
}

// askedFor reads the wait that a gRPC status may carry.
func askedFor(err error) time.Duration {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return min(max(0, info.GetRetryDelay().AsDuration()), maxPause)
		}
	}
	return 0
}
