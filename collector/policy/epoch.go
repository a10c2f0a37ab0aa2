package policy

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"safelight/collector/model"
	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// StartEpoch publishes the rules in force again as the first version of a new
// epoch, with the recovery key's leave, which devices ask for: after a change of
// signing key (next), and after a restore (next nil: the key stays). by and
// reason are kept with it. The keys are the caller's to make durable before.
func (p *Publisher) StartEpoch(ctx context.Context, recovery, next crypto.Signer, by, reason string) (model.PolicyVersion, error) {
	v, err := p.startEpoch(ctx, recovery, next, by, reason)
	if err != nil {
		return model.PolicyVersion{}, fmt.Errorf("beginning a policy epoch: %w", err)
	}
	return v, p.Reload(ctx)
}

func (p *Publisher) startEpoch(ctx context.Context, recovery, next crypto.Signer, by, reason string) (model.PolicyVersion, error) {
	p.publishing.Lock()
	defer p.publishing.Unlock()
	last, ok, err := p.store.LatestPolicy(ctx, p.school)
	if err != nil {
		return model.PolicyVersion{}, err
	}
	if !ok {
		return model.PolicyVersion{}, errors.New("no rules are published yet, so there is nothing to begin; publish rules first")
	}
	m := &safelightv1.Manifest{}
	if err := proto.Unmarshal(last.Manifest, m); err != nil {
		return model.PolicyVersion{}, fmt.Errorf("reading the policy in force: %w", err)
	}
	key, keyID := p.ring.Present()
	if next != nil {
		if keyID, err = pki.KeyID(next.Public()); err != nil {
			return model.PolicyVersion{}, err
		}
		key = next
	}
	now := p.now().UTC()
	m.Epoch, m.Serial, m.Issued = last.Epoch+1, 1, timestamppb.New(now)
	leave, err := grant(recovery, &safelightv1.EpochGrant{
		School: string(p.school), Epoch: m.Epoch, KeyId: keyID, PreviousKeyId: last.KeyID, Granted: timestamppb.New(now),
	})
	if err != nil {
		return model.PolicyVersion{}, err
	}
	v, err := seal(model.PolicyVersion{School: p.school, Issued: now, By: by, Reason: reason}, m, key, keyID, leave)
	if err != nil {
		return model.PolicyVersion{}, err
	}
	if v.Files, err = p.store.PolicyFiles(ctx, p.school, last.Epoch, last.Serial); err != nil {
		return model.PolicyVersion{}, err
	}
	if v.Lists, err = p.store.PolicyLists(ctx, p.school, last.Epoch, last.Serial); err != nil {
		return model.PolicyVersion{}, err
	}
	return v, p.store.PublishPolicy(ctx, v, nil)
}

// grant is a SignedManifest with the leave in it and nothing else.
func grant(recovery crypto.Signer, g *safelightv1.EpochGrant) (*safelightv1.SignedManifest, error) {
	raw, err := proto.Marshal(g)
	if err != nil {
		return nil, err
	}
	sig, err := pki.Sign(recovery, pki.EpochContext, raw)
	if err != nil {
		return nil, fmt.Errorf("with the recovery key: %w", err)
	}
	return &safelightv1.SignedManifest{EpochGrant: raw, RecoverySignature: sig}, nil
}

// seal signs a manifest and makes it a version to store. The stored signature
// is the signing key's, and behind it, from the second epoch on, the recovery
// key's leave, which every version of the epoch carries.
func seal(v model.PolicyVersion, m *safelightv1.Manifest, key crypto.Signer, keyID string, leave *safelightv1.SignedManifest) (model.PolicyVersion, error) {
	m.KeyId = keyID
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return v, err
	}
	sig, err := pki.Sign(key, pki.PolicyContext, raw)
	if err != nil {
		return v, err
	}
	tail, err := proto.Marshal(&safelightv1.SignedManifest{EpochGrant: leave.GetEpochGrant(), RecoverySignature: leave.GetRecoverySignature()})
	if err != nil {
		return v, err
	}
	v.Epoch, v.Serial, v.KeyID, v.Manifest, v.Signature = m.GetEpoch(), m.GetSerial(), keyID, raw, append(sig, tail...)
	return v, nil
}

// signedOf is what devices are sent of a stored version.
func signedOf(v model.PolicyVersion) (*safelightv1.SignedManifest, error) {
	signed := &safelightv1.SignedManifest{}
	if len(v.Signature) < ed25519.SignatureSize {
		return nil, fmt.Errorf("reading policy %d.%d: its signature is %d bytes long; restore the store from a backup", v.Epoch, v.Serial, len(v.Signature))
	}
	if err := proto.Unmarshal(v.Signature[ed25519.SignatureSize:], signed); err != nil {
		return nil, fmt.Errorf("reading policy %d.%d: its leave to begin an epoch: %w", v.Epoch, v.Serial, err)
	}
	signed.Manifest, signed.KeyId, signed.Signature = v.Manifest, v.KeyID, v.Signature[:ed25519.SignatureSize]
	return signed, nil
}
