package enrol

import (
	"context"
	"crypto/sha256"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"safelight/collector/model"
	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// Splits knows which copies were told to become devices of their own. Without
// it a certificate could make as many devices as its holder likes.
type Splits interface {
	// MaySplit says whether this running agent was told to, and binds that to the
	// key it came with: asking again with the same key is allowed.
	MaySplit(device string, instance []byte, keyHash [32]byte) bool
	// HasSplit is told that it has an identity of its own.
	HasSplit(device string, instance []byte)
	// Held is told that no more copies of a device may split for now.
	Held(device string)
}

// AllowSplits has Split ask who may; before, nobody may.
func (s *Service) AllowSplits(splits Splits) { s.splits = splits }

// Split gives a copy of a device an identity of its own: a new id for the new
// key. The device that stays keeps the certificate and the id.
func (s *Service) Split(ctx context.Context, req *safelightv1.SplitRequest) (*safelightv1.EnrolResponse, error) {
	from, _, ok := DeviceFrom(ctx)
	if !ok {
		return nil, status.Error(codes.Unauthenticated, "no device certificate: enrol first")
	}
	csr, err := pki.ParseCSR(req.GetCsrDer())
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "csr_der: %v", err)
	}
	keyHash, err := pki.KeyHash(csr.PublicKey)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "csr_der: %v", err)
	}
	if sum := sha256.Sum256(csr.RawSubjectPublicKeyInfo); sum == [32]byte(publicKeyHash(ctx)) {
		return nil, status.Error(codes.InvalidArgument, "csr_der: a copy needs a key of its own, not the one that was copied")
	}
	if s.splits == nil || !s.splits.MaySplit(from, req.GetInstance(), keyHash) {
		return nil, status.Error(codes.PermissionDenied, "this device was not told to split")
	}
	known, err := s.store.Device(ctx, s.school, from)
	if err != nil {
		return nil, status.Error(codes.PermissionDenied, "this device is not enrolled here: enrol again")
	}
	return s.split(ctx, known, csr.PublicKey, keyHash, req)
}

func (s *Service) split(ctx context.Context, from model.Device, pub any, keyHash [32]byte, req *safelightv1.SplitRequest) (*safelightv1.EnrolResponse, error) {
	now, info := s.now(), req.GetDevice()
	answer, err := s.store.SplitDevice(ctx, s.school, model.Split{From: from.ID, Instance: string(req.GetInstance()), Device: model.Device{
		School: s.school, ID: pki.NewDeviceID(), Name: clip(info.GetHostname(), 255), OS: clip(info.GetOs(), 64),
		Arch: clip(info.GetArch(), 32), Version: clip(info.GetAgentVersion(), 64), Site: from.Site,
		Enrolled: now, Expires: now.Add(pki.DeviceLife), KeyHash: keyHash[:],
		Hardware: model.Hardware{Serial: clip(info.GetSerial(), 128), ID: clip(info.GetHardwareId(), 128)},
	}})
	if err != nil {
		return nil, s.refuse(ctx, err)
	}
	if answer.Held {
		return nil, s.hold(ctx, from.ID, answer.News)
	}
	id := answer.ID
	leaf, chain, err := s.authority.signDevice(pub, pki.Identity{School: string(s.school), Device: id}, now)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "csr_der: %v", err)
	}
	if err := s.store.RenewDevice(ctx, s.school, id, leaf.NotAfter); err != nil {
		return nil, status.Error(codes.Unavailable, "storing the new device failed; try again")
	}
	s.splits.HasSplit(from.ID, req.GetInstance())
	s.log.InfoContext(ctx, "a copied device became two", "device", from.ID, "new_device", id)
	return &safelightv1.EnrolResponse{DeviceId: id, School: string(s.school), CertificatesDer: chain, Trust: s.trust()}, nil
}

// hold has a copy wait: as many as may came of its family.
func (s *Service) hold(ctx context.Context, device string, news bool) error {
	s.splits.Held(device)
	if news {
		s.log.WarnContext(ctx, "as many copies of a device became devices of their own as may by themselves: the others wait", "device", device,
			"an_hour", model.SplitsAnHour, "a_day", model.SplitsADay, "mend", "if an image of it was rolled out, `device split ID --more N` lets more through; if not, revoke it")
	}
	return status.Errorf(codes.ResourceExhausted, "as many copies of this device became devices of their own as may by themselves, %d an hour and %d a day: this one is told again later", model.SplitsAnHour, model.SplitsADay)
}
