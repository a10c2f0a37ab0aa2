package watch

import (
	"context"

	"google.golang.org/grpc/connectivity"
)

// Line is what Ready needs of *grpc.ClientConn.
type Line interface {
	GetState() connectivity.State
	WaitForStateChange(ctx context.Context, from connectivity.State) bool
}

// Ready calls again each time the connection has come about, until ctx ends; it
// then returns nil. gRPC calls a collector that is gone every few seconds, each
// device at moments of its own, while streams wait up to a minute between tries:
// when the collector is back, they need wait no longer. A connection that breaks
// whenever it has come about is no reason to hurry, because gRPC makes a new one
// only once a stream asks for it: again is called at most once for each try.
func Ready(ctx context.Context, conn Line, again func()) error {
	for {
		state := conn.GetState()
		if state == connectivity.Ready {
			again()
		}
		if !conn.WaitForStateChange(ctx, state) {
			return nil
		}
	}
}
