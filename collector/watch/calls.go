package watch

import (
	"context"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"safelight/collector/rate"
	safelightv1 "safelight/proto/safelight/v1"
)

func versionOf(signed *safelightv1.SignedManifest) (epoch, serial uint64, err error) {
	m := &safelightv1.Manifest{}
	err = proto.Unmarshal(signed.GetManifest(), m)
	return m.GetEpoch(), m.GetSerial(), err
}

// Limits of one device. Who follows a log for a whole school asks for every
// account of a morning, and again when what it knows is out of date: all of them
// get through, or staff would be judged as pupils. Who tries one name after
// another asks for many that nobody has; once those are used up the device waits
// for every answer, because one that waited for wrong names only would still be
// told which are right. A new policy is a few dozen files.
var (
	resolveLimit = rate.Limit{Burst: 20_000, Second: 10}
	guessLimit   = rate.Limit{Burst: 1000, Second: 0.5}
	fetchLimit   = rate.Limit{Burst: 256, Second: 1}
)

// maxDevices bounds what is remembered of them.
const maxDevices = 100_000

// slower is the answer to a device that asks too often.
func slower(what string, wait time.Duration) error {
	wait = wait.Round(time.Second) + time.Second
	st := status.Newf(codes.ResourceExhausted, "this device asks for too many %s: try again in %s", what, wait)
	if with, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(wait)}); err == nil {
		st = with
	}
	return st.Err()
}

// FetchBlob sends a file of the policy from an offset on.
func (s *Service) FetchBlob(req *safelightv1.FetchBlobRequest, stream safelightv1.AgentService_FetchBlobServer) error {
	device, school, ok := s.device(stream.Context())
	if !ok {
		return status.Error(codes.Unauthenticated, "no device certificate: enrol first")
	}
	if wait := s.fetches.Take(device); wait > 0 {
		return slower("files", wait)
	}
	if len(req.GetSha256()) != 32 {
		return status.Errorf(codes.InvalidArgument, "sha256: %d bytes, want 32", len(req.GetSha256()))
	}
	data, done, err := s.blobs.get(stream.Context(), school, [32]byte(req.GetSha256()))
	defer done()
	if err != nil {
		return status.Error(codes.NotFound, "sha256: no such file")
	}
	if req.GetOffset() > uint64(len(data)) {
		return status.Errorf(codes.OutOfRange, "offset: %d is past the file's %d bytes", req.GetOffset(), len(data))
	}
	for off := int(req.GetOffset()); ; {
		end := min(off+chunkBytes, len(data))
		if err := stream.Send(&safelightv1.Chunk{Offset: uint64(off), Data: data[off:end]}); err != nil {
			return err
		}
		if off = end; off == len(data) {
			return nil
		}
	}
}

// ResolveAccount tells a device how to judge an account.
func (s *Service) ResolveAccount(ctx context.Context, req *safelightv1.ResolveAccountRequest) (*safelightv1.ResolveAccountResponse, error) {
	device, school, ok := s.device(ctx)
	if !ok {
		return nil, status.Error(codes.Unauthenticated, "no device certificate: enrol first")
	}
	if wait := s.guesses.Wait(device); wait > 0 {
		return nil, slower("accounts that nobody has", wait)
	}
	if wait := s.resolves.Take(device); wait > 0 {
		return nil, slower("accounts", wait)
	}
	if n := len(req.GetAccount()); n == 0 || n > 255 {
		return nil, status.Errorf(codes.InvalidArgument, "account: %d bytes, want 1 to 255", n)
	}
	resp, err := s.people.ResolveAccount(ctx, school, req.GetAccount(), s.now())
	if err != nil {
		return nil, status.Error(codes.Unavailable, "looking the account up failed; try again")
	}
	if !resp.GetKnown() {
		if wait := s.guesses.Take(device); wait > 0 { // others of its guesses were faster
			return nil, slower("accounts that nobody has", wait)
		}
	}
	return resp, nil
}
