package enrol

import (
	"context"
	"net/netip"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"safelight/collector/rate"
)

// wrongTokens are how many tokens that admit nobody are looked at from one
// address. A technician who mistypes never gets there.
var wrongTokens = rate.Limit{Burst: 20, Second: 0.5}

// maxAddresses bounds what is remembered of them.
const maxAddresses = 4096

func (s *Service) checkToken(ctx context.Context, hash []byte, now time.Time) error {
	from, known := network(ctx)
	if known {
		if wait := s.wrong.Wait(from); wait > 0 {
			return status.Errorf(codes.ResourceExhausted, "too many wrong tokens came from this address: try again in %s", wait.Round(time.Second)+time.Second)
		}
	}
	err := s.store.CheckToken(ctx, s.school, hash, now)
	if err == nil {
		return nil
	}
	if known {
		s.wrong.Take(from)
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
