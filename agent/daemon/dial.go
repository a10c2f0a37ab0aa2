package daemon

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"safelight/agent/enrol"
)

// receiveWindow is how much of a rule pack may be under way to us.
const receiveWindow = 256 << 10

// line is the one connection to the collector. It tries the addresses in order;
// the shipper and the watcher decide when to try again.
type line struct {
	*grpc.ClientConn
	known *manual.Resolver
	calls *calls
}

// dial prepares the connection, which is asked after being silent for so long.
func dial(id *enrol.Identity, now func() time.Time, silent time.Duration) (*line, error) {
	conf, err := id.TLS(now)
	if err != nil {
		return nil, err
	}
	calls := &calls{open: map[net.Conn]struct{}{}}
	known := manual.NewBuilderWithScheme("collector")
	known.InitialState(places(id.Reach()))
	conn, err := grpc.NewClient("collector:///agents",
		grpc.WithResolvers(known),
		grpc.WithTransportCredentials(&hungUp{credentials.NewTLS(conf), calls}),
		grpc.WithConnectParams(grpc.ConnectParams{
			// Short, because above it the streams wait with jitter.
			Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.5, MaxDelay: 5 * time.Second},
			MinConnectTimeout: 10 * time.Second,
		}),
		grpc.WithKeepaliveParams(asked(silent)),
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
	return &line{conn, known, calls}, nil
}

func places(addresses []string) resolver.State {
	var st resolver.State
	for _, a := range addresses {
		st.Addresses = append(st.Addresses, resolver.Address{Addr: a})
	}
	return st
}

// reach takes over where the collector is to be called from now on. What is
// connected stays.
func (l *line) reach(addresses []string) {
	// The builder panics before the first call has built it.
	l.Connect()
	l.known.UpdateState(places(addresses))
}

// hangUp ends what is connected: the next call shows the certificate that is
// then kept.
func (l *line) hangUp() {
	l.calls.mu.Lock()
	open := slices.Collect(maps.Keys(l.calls.open))
	l.calls.mu.Unlock()
	for _, c := range open {
		_ = c.Close() // it may have ended already
	}
}

// calls are the connections that are open.
type calls struct {
	mu   sync.Mutex // guards open
	open map[net.Conn]struct{}
}

// hungUp are credentials that remember what they let through.
type hungUp struct {
	credentials.TransportCredentials
	calls *calls
}

// Clone implements credentials.TransportCredentials.
func (h *hungUp) Clone() credentials.TransportCredentials {
	return &hungUp{h.TransportCredentials.Clone(), h.calls}
}

// ClientHandshake implements credentials.TransportCredentials.
func (h *hungUp) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secure, info, err := h.TransportCredentials.ClientHandshake(ctx, authority, raw)
	if err != nil {
		return secure, info, err
	}
	c := &call{Conn: secure, of: h.calls}
	h.calls.mu.Lock()
	defer h.calls.mu.Unlock()
	h.calls.open[c] = struct{}{}
	return c, info, nil
}

// call is one connection, forgotten when it ends.
type call struct {
	net.Conn
	of *calls
}

// Close implements net.Conn.
func (c *call) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
