package server

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"safelight/collector/enrol"
)

// intercept bounds how many streams a device holds. The gate has been passed.
func (s *streams) intercept(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	device, _, ok := enrol.DeviceFrom(ss.Context())
	if !ok {
		return next(srv, ss)
	}
	ctx, cancel := context.WithCancel(ss.Context())
	defer cancel()
	defer s.enter(device+info.FullMethod, cancel)()
	// A handler that waits in Recv or Send does not see ctx, so the call returns
	// here; gRPC then tears the stream down and the handler ends.
	result := make(chan error, 1)
	go func() { result <- next(srv, &endable{ss, ctx}) }()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
	}
	if ss.Context().Err() != nil {
		return <-result
	}
	return status.Error(codes.Aborted, "this device opened too many streams; the newest are kept")
}

type endable struct {
	grpc.ServerStream
	ctx context.Context
}

func (e *endable) Context() context.Context { return e.ctx }
