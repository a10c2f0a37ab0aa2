package watch

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	safelightv1 "safelight/proto/safelight/v1"
)

func versionOf(signed *safelightv1.SignedManifest) (epoch, serial uint64, err error) {
	m := &safelightv1.Manifest{}
	err = proto.Unmarshal(signed.GetManifest(), m)
	return m.GetEpoch(), m.GetSerial(), err
}

// FetchBlob sends a file of the policy from an offset on.
func (s *Service) FetchBlob(req *safelightv1.FetchBlobRequest, stream safelightv1.AgentService_FetchBlobServer) error {
	_, school, ok := s.device(stream.Context())
	if !ok {
		return status.Error(codes.Unauthenticated, "no device certificate: enrol first")
	}
	if len(req.GetSha256()) != 32 {
		return status.Errorf(codes.InvalidArgument, "sha256: %d bytes, want 32", len(req.GetSha256()))
	}
	data, err := s.blobs.Blob(stream.Context(), school, [32]byte(req.GetSha256()))
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
	_, school, ok := s.device(ctx)
	if !ok {
		return nil, status.Error(codes.Unauthenticated, "no device certificate: enrol first")
	}
	if n := len(req.GetAccount()); n == 0 || n > 255 {
		return nil, status.Errorf(codes.InvalidArgument, "account: %d bytes, want 1 to 255", n)
	}
	resp, err := s.people.ResolveAccount(ctx, school, req.GetAccount(), s.now())
	if err != nil {
		return nil, status.Error(codes.Unavailable, "looking the account up failed; try again")
	}
	return resp, nil
}
