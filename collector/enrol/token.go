package enrol

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"safelight/collector/model"
	"safelight/collector/rate"
)

// wrongTokens are how many tokens that were never given out may come from one
// address. A technician who mistypes never gets there.
var wrongTokens = rate.Limit{Burst: 20, Second: 0.5}

// maxAddresses bounds what is remembered of them.
const maxAddresses = 4096

// checkToken says whether a token would admit a device. It looks before it counts:
// a whole school comes from one address, and one pupil who guesses there must not
// keep a roll-out's good token out. Only what was never given out is a guess; a
// token that has expired or is used up was somebody's, and a roll-out asks again
// and again.
func (s *Service) checkToken(ctx context.Context, hash []byte, now time.Time) error {
	err := s.store.CheckToken(ctx, s.school, hash, now)
	if err == nil {
		return nil
	}
	if from, known := network(ctx); known && errors.Is(err, model.ErrNotFound) {
		if wait := s.wrong.Take(from); wait > 0 {
			return status.Errorf(codes.ResourceExhausted, "too many wrong tokens came from this address: try again in %s", wait.Round(time.Second)+time.Second)
		}
	}
	return s.refuse(ctx, err)
}

// network is where a call comes from: the address, or of IPv6 the network that one
// customer has whole.
func network(ctx context.Context) (string, bool) {
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr == nil {
		return "", false
	}
	at, err := netip.ParseAddrPort(p.Addr.String())
	if err != nil {
		return p.Addr.String(), true
	}
	addr := at.Addr().Unmap()
	if net, err := addr.Prefix(64); err == nil && addr.Is6() {
		return net.String(), true
	}
	return addr.String(), true
}
