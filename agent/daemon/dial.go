package daemon

import (
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"safelight/agent/enrol"
)

// receiveWindow is how much of a rule pack may be under way to us.
const receiveWindow = 256 << 10

// dial prepares the one connection to the collector. It tries the addresses in
// order; the shipper and the watcher decide when to try again.
func dial(id *enrol.Identity, now func() time.Time) (*grpc.ClientConn, error) {
	conf, err := id.TLS(now)
	if err != nil {
		return nil, err
	}
	addresses := make([]resolver.Address, len(id.Addresses))
	for i, a := range id.Addresses {
		addresses[i] = resolver.Address{Addr: a}
	}
	known := manual.NewBuilderWithScheme("collector")
	known.InitialState(resolver.State{Addresses: addresses})
	conn, err := grpc.NewClient("collector:///agents",
		grpc.WithResolvers(known),
		grpc.WithTransportCredentials(credentials.NewTLS(conf)),
		grpc.WithConnectParams(grpc.ConnectParams{
			// Short, because above it the streams wait with jitter.
			Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.5, MaxDelay: 5 * time.Second},
			MinConnectTimeout: 10 * time.Second,
		}),
		// Home routers forget a silent connection after some minutes.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 90 * time.Second, Timeout: 20 * time.Second, PermitWithoutStream: false}),
		// Idle mode would close the connection between two visits.
		grpc.WithIdleTimeout(0),
		grpc.WithReadBufferSize(4<<10), grpc.WithWriteBufferSize(4<<10),
		// Windows that do not grow: to learn how far they might, gRPC sends a
		// ping with nearly every message.
		grpc.WithStaticStreamWindowSize(receiveWindow), grpc.WithStaticConnWindowSize(receiveWindow),
	)
	if err != nil {
		return nil, fmt.Errorf("preparing the connection to the collector: %w", err)
	}
	return conn, nil
}
