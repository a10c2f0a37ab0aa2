package policy

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// AcceptEpochs names the recovery key that may begin an epoch. Without it the
// epoch in force stays, whoever signs.
func (s *Store) AcceptEpochs(recovery func() []byte) { s.recovery = recovery }

// mayFollow holds a manifest against the one in force. Within an epoch the key
// does not change; a new epoch has the recovery key's leave, which lies offline:
// whoever takes the collector, with its policy key, can neither name another key
// nor go back behind what devices have seen. A device's first policy is taken on
// the word of the collector that enrolled it.
func (s *Store) mayFollow(signed *safelightv1.SignedManifest, m *safelightv1.Manifest) error {
	now := s.Active()
	switch {
	case now == nil:
		return nil
	case m.GetEpoch() == now.Epoch && m.GetKeyId() != now.KeyID:
		return fmt.Errorf("it is signed by key %q, and the epoch's key is %q: another key begins another epoch", m.GetKeyId(), now.KeyID)
	case m.GetEpoch() == now.Epoch:
		return nil
	}
	g, err := s.grant(signed)
	if err != nil {
		return err
	}
	switch {
	case g.GetSchool() != s.school || g.GetEpoch() != m.GetEpoch():
		return fmt.Errorf("its leave is for epoch %d of school %q", g.GetEpoch(), g.GetSchool())
	case g.GetKeyId() != m.GetKeyId():
		return fmt.Errorf("its leave is for key %q and it is signed by %q", g.GetKeyId(), m.GetKeyId())
	case m.GetEpoch() == now.Epoch+1 && g.GetPreviousKeyId() != now.KeyID:
		return fmt.Errorf("its leave follows key %q, and the key in force is %q", g.GetPreviousKeyId(), now.KeyID)
	}
	return nil
}

func (s *Store) grant(signed *safelightv1.SignedManifest) (*safelightv1.EpochGrant, error) {
	if !pki.Verify(s.recovery(), pki.EpochContext, signed.GetEpochGrant(), signed.GetRecoverySignature()) {
		return nil, errors.New("a new epoch wants the signature of the school's recovery key, and it has none that holds")
	}
	g := &safelightv1.EpochGrant{}
	if err := proto.Unmarshal(signed.GetEpochGrant(), g); err != nil {
		return nil, fmt.Errorf("reading the leave to begin an epoch: %w", err)
	}
	return g, nil
}
