package server

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	safelightv1 "safelight/proto/safelight/v1"
)

// answering answers the first batch of a stream when it may.
type answering struct {
	safelightv1.UnimplementedAgentServiceServer
	got, may, sent chan struct{}
}

func (a answering) Ship(s safelightv1.AgentService_ShipServer) error {
	if _, err := s.Recv(); err != nil {
		return err
	}
	close(a.got)
	<-a.may
	if err := s.Send(&safelightv1.BatchAck{Number: 7}); err != nil {
		return err
	}
	close(a.sent)
	<-s.Context().Done() // as a stream that lives for hours
	return nil
}

// An answer that is given while the collector stops reaches its device, and the stop
// does not wait for the stream to end.
func TestTheLastAnswersLeaveBeforeStreamsAreCut(t *testing.T) {
	a := answering{got: make(chan struct{}), may: make(chan struct{}), sent: make(chan struct{})}
	srv := grpc.NewServer()
	safelightv1.RegisterAgentServiceServer(srv, a)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- serveGRPC(srv, l, func(wait context.Context) {
			close(a.may)
			<-a.sent
			if end, ok := wait.Deadline(); !ok || time.Until(end) > drainFor || wait.Err() != nil {
				t.Errorf("it may wait until %s", end)
			}
		})(ctx)
	}()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stream, err := safelightv1.NewAgentServiceClient(conn).Ship(t.Context())
	if err == nil {
		err = stream.Send(&safelightv1.EventBatch{})
	}
	if err != nil {
		t.Fatal(err)
	}
	<-a.got
	stop()
	if ack, err := stream.Recv(); err != nil || ack.GetNumber() != 7 {
		t.Errorf("the device is told %v, %v", ack, err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := stream.Recv(); err == nil {
		t.Error("the stream goes on")
	}
}
