package enrol

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"safelight/collector/model"
	"safelight/collector/rate"
	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// Store is what enrolment needs kept. Enrol is one transaction: it counts the
// token's use and adds the device, or does neither.
type Store interface {
	// CheckToken says whether a token would admit a device; it writes nothing. It
	// is ErrNotFound, beside what the person is told, for one that was never given
	// out.
	CheckToken(ctx context.Context, school model.SchoolID, tokenHash []byte, now time.Time) error
	// A device whose id and hardware are those of one that is there replaces it.
	Enrol(ctx context.Context, school model.SchoolID, tokenHash []byte, now time.Time, device model.Device) error
	// DeviceByHardware finds the device that is this piece of hardware.
	DeviceByHardware(ctx context.Context, school model.SchoolID, h model.Hardware) (model.Device, bool, error)
	Device(ctx context.Context, school model.SchoolID, id string) (model.Device, error)
	RenewDevice(ctx context.Context, school model.SchoolID, id string, expires time.Time) error
	// SplitDevice adds a device that was a copy of another. A key that is known
	// already gets the id it has, so that asking again is harmless.
	SplitDevice(ctx context.Context, school model.SchoolID, split model.Split) (model.SplitAnswer, error)
}

// PolicyKeys returns the keys that may sign policy, by id.
type PolicyKeys func() map[string]ed25519.PublicKey

// Service answers EnrolmentService.
type Service struct {
	safelightv1.UnimplementedEnrolmentServiceServer
	school    model.SchoolID
	authority *Authority
	store     Store
	refusals  []error
	keys      PolicyKeys
	splits    Splits
	now       func() time.Time
	log       *slog.Logger
	wrong     *rate.Limiter // tokens that were never given out, by address
}

// NewService makes the enrolment service of one school. refusals are the store's
// errors that are answers for the person who enrols, and no faults.
func NewService(school model.SchoolID, a *Authority, store Store, refusals []error, keys PolicyKeys, now func() time.Time, log *slog.Logger) *Service {
	return &Service{school: school, authority: a, store: store, refusals: refusals, keys: keys, now: now, log: log, wrong: rate.New(wrongTokens, maxAddresses, time.Now)}
}

// Enrol admits a device that shows a good token.
func (s *Service) Enrol(ctx context.Context, req *safelightv1.EnrolRequest) (*safelightv1.EnrolResponse, error) {
	if n := len(req.GetTokenSecret()); n == 0 || n > 256 {
		return nil, status.Error(codes.InvalidArgument, "token_secret: want 1 to 256 bytes")
	}
	now, hash := s.now(), pki.HashSecret(req.GetTokenSecret())
	// First the token, by reading alone: without one nobody has us sign anything
	// or begin to write.
	if err := s.checkToken(ctx, hash, now); err != nil {
		return nil, err
	}
	csr, err := pki.ParseCSR(req.GetCsrDer())
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "csr_der: %v", err)
	}
	info := req.GetDevice()
	hardware := model.Hardware{Serial: clip(info.GetSerial(), 128), ID: clip(info.GetHardwareId(), 128)}
	id := pki.Identity{School: string(s.school), Device: pki.NewDeviceID()}
	known, again, err := s.store.DeviceByHardware(ctx, s.school, hardware)
	if err != nil {
		return nil, s.refuse(ctx, err)
	}
	if again {
		id.Device = known.ID // the same device, set up anew
	}
	leaf, chain, err := s.authority.signDevice(csr.PublicKey, id, now)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "csr_der: %v", err)
	}
	keyHash := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	err = s.store.Enrol(ctx, s.school, hash, now, model.Device{
		School: s.school, ID: id.Device, Name: clip(info.GetHostname(), 255), OS: clip(info.GetOs(), 64),
		Arch: clip(info.GetArch(), 32), Version: clip(info.GetAgentVersion(), 64),
		Enrolled: now, Expires: leaf.NotAfter, KeyHash: keyHash[:], Hardware: hardware,
	})
	if err != nil {
		return nil, s.refuse(ctx, err)
	}
	s.log.InfoContext(ctx, "enrolled a device", "device", id.Device, "set_up_anew", again)
	return &safelightv1.EnrolResponse{
		DeviceId: id.Device, School: string(s.school), Trust: s.trust(),
		CertificatesDer: chain,
	}, nil
}

// Renew gives the device behind the connection a new certificate for the same
// key.
func (s *Service) Renew(ctx context.Context, req *safelightv1.RenewRequest) (*safelightv1.RenewResponse, error) {
	device, _, ok := DeviceFrom(ctx)
	if !ok {
		return nil, status.Error(codes.Unauthenticated, "no device certificate: enrol first")
	}
	csr, err := pki.ParseCSR(req.GetCsrDer())
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "csr_der: %v", err)
	}
	now := s.now()
	leaf, chain, err := s.authority.signDevice(csr.PublicKey, pki.Identity{School: string(s.school), Device: device}, now)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "csr_der: %v", err)
	}
	keyHash := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	if !bytes.Equal(keyHash[:], publicKeyHash(ctx)) {
		return nil, status.Error(codes.PermissionDenied, "csr_der: renewal takes the same key; to change it, enrol again")
	}
	known, err := s.store.Device(ctx, s.school, device)
	if err != nil || !bytes.Equal(known.KeyHash, keyHash[:]) || !known.Revoked.IsZero() {
		return nil, status.Error(codes.PermissionDenied, "this device is not enrolled here: enrol again")
	}
	if err := s.store.RenewDevice(ctx, s.school, device, leaf.NotAfter); err != nil {
		return nil, status.Error(codes.Unavailable, "storing the renewal failed; try again")
	}
	s.log.InfoContext(ctx, "renewed a device", "device", device, "key", shortHash(keyHash[:]))
	return &safelightv1.RenewResponse{Trust: s.trust(), CertificatesDer: chain}, nil
}

func (s *Service) trust() *safelightv1.TrustBundle { return s.authority.Trust(s.keys()) }

func (s *Service) refuse(ctx context.Context, err error) error {
	for _, r := range s.refusals {
		if errors.Is(err, r) {
			s.log.WarnContext(ctx, "refused an enrolment", "reason", r.Error())
			return status.Error(codes.PermissionDenied, r.Error())
		}
	}
	s.log.ErrorContext(ctx, "enrolment failed", "error", err.Error())
	return status.Error(codes.Unavailable, "storing the enrolment failed; try again")
}

// clip cuts at n bytes and leaves no half character.
func clip(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }
