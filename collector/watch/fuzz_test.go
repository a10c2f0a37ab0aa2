package watch_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"safelight/collector/model"
	safelightv1 "safelight/proto/safelight/v1"
)

// FuzzAgentCalls hands the calls of a known device whatever bytes parse as their
// requests: a status that begins or goes on with a stream, a file, an account.
func FuzzAgentCalls(f *testing.F) {
	r := &rooms{
		signed: func() *safelightv1.SignedManifest { return nil },
		blob: func(_ model.SchoolID, sha [32]byte) ([]byte, error) {
			if sha[0] == 0 {
				return make([]byte, 300_000), nil
			}
			return nil, errors.New("no such file")
		},
		status: func(string, *safelightv1.AgentStatus) {},
		gone:   func(string) {},
		held:   func(_ string, note []byte) bool { return len(note) == 0 },
		resolve: func(string) (*safelightv1.ResolveAccountResponse, error) {
			return &safelightv1.ResolveAccountResponse{}, nil
		},
	}
	var inputs atomic.Int64 // each comes from a device of its own, else it would soon ask too often
	client, _ := serveAs(f, r, func() (string, bool) { return fmt.Sprintf("laptop-%d", inputs.Load()), true }, quiet)
	for _, m := range []proto.Message{
		&safelightv1.AgentStatus{
			Hello:    &safelightv1.Hello{Version: "1", Protocol: 1, Capabilities: []string{"policy", "trust", "resend", "audit-checkpoint"}},
			Hostname: "laptop", SpoolEpoch: make([]byte, 16), Instance: make([]byte, 16), AuditCheckpoint: []byte("a note"),
			Lanes: []*safelightv1.LaneStatus{{Lane: safelightv1.Severity_SEVERITY_HIGH, NextSeq: 7}},
		},
		&safelightv1.FetchBlobRequest{Sha256: make([]byte, 32), Offset: 12},
		&safelightv1.ResolveAccountRequest{Account: "pupil14"},
	} {
		seed, err := proto.Marshal(m)
		must(f, err)
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		inputs.Add(1)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var st safelightv1.AgentStatus
		if proto.Unmarshal(data, &st) == nil {
			stream, err := client.Watch(ctx)
			must(t, err)
			must(t, stream.Send(&st))
			_ = stream.Send(&st) // it may be refused by now
			_ = stream.CloseSend()
			known(t, drain(stream))
		}
		var file safelightv1.FetchBlobRequest
		if proto.Unmarshal(data, &file) == nil {
			stream, err := client.FetchBlob(ctx, &file)
			must(t, err)
			known(t, drain(stream))
		}
		var account safelightv1.ResolveAccountRequest
		if proto.Unmarshal(data, &account) == nil {
			_, err := client.ResolveAccount(ctx, &account)
			known(t, err)
		}
	})
}

// drain reads a stream to its end.
func drain[M any](stream interface{ Recv() (M, error) }) error {
	for {
		if _, err := stream.Recv(); err != nil {
			return err
		}
	}
}

// known wants an end, or a refusal that says what is wrong.
func known(t *testing.T, err error) {
	t.Helper()
	switch status.Code(err) {
	case codes.OK, codes.InvalidArgument, codes.NotFound, codes.OutOfRange:
	default:
		if err.Error() != "EOF" {
			t.Errorf("answered %v", err)
		}
	}
}
