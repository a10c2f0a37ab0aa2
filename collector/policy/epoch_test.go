package policy_test

import (
	"crypto"
	"crypto/ed25519"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"safelight/collector/policy"
	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

func policyKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := pki.NewPolicyKey()
	must(t, err)
	return key
}

// Devices that were away hear of an epoch by whatever version is then in force.
func TestEveryVersionOfAnEpochCarriesTheLeaveToBeginIt(t *testing.T) {
	h := newHouse(t)
	old, next, recovery := policyKey(t), policyKey(t), policyKey(t)
	ring, err := policy.NewRing(old)
	must(t, err)
	p, err := policy.NewPublisherOn(t.Context(), school, ring, shipped(t), h.store, time.Now)
	must(t, err)
	_, err = p.StartEpoch(t.Context(), recovery, nil, "it", "restore")
	wantError(t, err, "publish rules first")
	files := pack(t, "flagged.test")
	_, err = p.Publish(t.Context(), files, "dsl", "first")
	must(t, err)
	must(t, ring.Set(old, next.Public()))
	_, err = p.StartEpoch(t.Context(), recovery, next, "it", "a new key")
	must(t, err)
	_, err = p.Publish(t.Context(), files, "dsl", "by the old key")
	wantError(t, err, "devices would refuse", "key rotate policy")
	if _, is := p.SignedElsewhere(); !is {
		t.Error("nobody is warned that the rules were signed by another key")
	}
	must(t, ring.Set(next, old.Public()))
	if id, is := p.SignedElsewhere(); is {
		t.Errorf("the rules are said to be signed elsewhere, by %s", id)
	}
	v, err := p.Publish(t.Context(), files, "dsl", "second")
	must(t, err)
	if v.Epoch != 2 || v.Serial != 2 {
		t.Errorf("it is %d.%d, want 2.2", v.Epoch, v.Serial)
	}
	signed := p.Signed()
	if !pki.Verify(next.Public().(ed25519.PublicKey), pki.PolicyContext, signed.GetManifest(), signed.GetSignature()) {
		t.Error("the signature does not hold")
	}
	if !pki.Verify(recovery.Public().(ed25519.PublicKey), pki.EpochContext, signed.GetEpochGrant(), signed.GetRecoverySignature()) {
		t.Error("the leave does not hold")
	}
	g := &safelightv1.EpochGrant{}
	must(t, proto.Unmarshal(signed.GetEpochGrant(), g))
	was, err := pki.KeyID(old.Public())
	must(t, err)
	if g.GetEpoch() != 2 || g.GetKeyId() != signed.GetKeyId() || g.GetPreviousKeyId() != was {
		t.Errorf("the leave is %v", g)
	}
}

func TestARestoreBeginsAnEpochWithTheSameKey(t *testing.T) {
	h := newHouse(t)
	must(t, h.publish(pack(t, "flagged.test")))
	v, err := h.StartEpoch(t.Context(), policyKey(t), nil, "it", "restored from a backup")
	must(t, err)
	if v.Epoch != 2 || v.Serial != 1 {
		t.Errorf("it is %d.%d, want 2.1", v.Epoch, v.Serial)
	}
	if _, is := h.SignedElsewhere(); is {
		t.Error("the key is said to have changed")
	}
	if _, ok := h.Category("test"); !ok {
		t.Error("the rules are gone")
	}
}
