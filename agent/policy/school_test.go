package policy_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"safelight/agent/policy"
	"safelight/internal/event"
	"safelight/internal/pki"
	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

const school = "hill-lane"

// signer is a school's collector as far as policy goes.
type signer struct {
	t     testing.TB
	key   crypto.Signer
	id    string
	blobs map[[32]byte][]byte // what Fetch answers
	asked int                 // how often it was
	sent  int64               // bytes

	recovery crypto.Signer
	also     *signer // another key that devices trust
}

func newSigner(t testing.TB) *signer {
	t.Helper()
	key, err := pki.NewPolicyKey()
	must(t, err)
	id, err := pki.KeyID(key.Public())
	must(t, err)
	recovery, err := pki.NewPolicyKey()
	must(t, err)
	return &signer{t: t, key: key, id: id, blobs: map[[32]byte][]byte{}, recovery: recovery}
}

func (s *signer) recoveryKey() []byte { return s.recovery.Public().(ed25519.PublicKey) }

// epoch is the first version of an epoch, signed by a key and with the recovery
// key's leave, or another's.
func (s *signer) epoch(n uint64, previous string, by *signer, leave crypto.Signer) *safelightv1.SignedManifest {
	s.t.Helper()
	m := s.manifest(1, pack("two.test"))
	m.Epoch, m.KeyId = n, by.id
	signed := by.sign(m)
	if leave == nil {
		leave = s.recovery
	}
	var err error
	signed.EpochGrant, err = proto.Marshal(&safelightv1.EpochGrant{School: school, Epoch: n, KeyId: by.id, PreviousKeyId: previous})
	must(s.t, err)
	signed.RecoverySignature, err = pki.Sign(leave, pki.EpochContext, signed.EpochGrant)
	must(s.t, err)
	return signed
}

func (s *signer) keys() []*safelightv1.PolicyKey {
	keys := []*safelightv1.PolicyKey{{KeyId: s.id, Ed25519Public: s.key.Public().(ed25519.PublicKey)}}
	if s.also != nil {
		keys = append(keys, s.also.keys()...)
	}
	return keys
}

func (s *signer) fetch(_ context.Context, sum []byte, offset int64, to io.Writer) error {
	s.asked++
	data, ok := s.blobs[[32]byte(sum)]
	if !ok || offset > int64(len(data)) {
		return errors.New("no such file")
	}
	s.sent += int64(len(data)) - offset
	for piece := range slices.Chunk(data[offset:], 100_000) {
		if _, err := to.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// pack is a rule pack whose only category flags one site.
func pack(site string) map[string][]byte {
	return map[string][]byte{
		"protected/pack.yaml": []byte("pack: protected\ntitle: What no rule may flag\nversion: 1\n"),
		"protected/help.yaml": []byte("protected: help\ntitle: Help\nwhy: Looking for help is no harm.\ndomains: [nhs.uk]\n"),
		"starter/pack.yaml":   []byte("pack: starter\ntitle: Test pack\nversion: 1\n"),
		"starter/test.yaml": fmt.Appendf(nil, `category: test
title: Test
noun: test
about: Sites made up for tests.
purpose: safeguarding
risk: ordinary
severity: medium
owner: Designated Safeguarding Lead
why: Somebody has to notice.
domains: [%s]
first_steps: [See the pupil in person.]
tests:
  hit: [{domain: %s}]
  miss: [{domain: example.org}]
`, site, site),
	}
}

// manifest describes files as version 1.serial and makes them fetchable.
func (s *signer) manifest(serial uint64, files map[string][]byte) *safelightv1.Manifest {
	m := &safelightv1.Manifest{
		School: school, Epoch: 1, Serial: serial, KeyId: s.id, MinEngine: rules.Engine,
		Issued: timestamppb.New(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)),
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		sum := sha256.Sum256(files[name])
		s.blobs[sum] = files[name]
		m.Blobs = append(m.Blobs, &safelightv1.Blob{Name: name, Sha256: sum[:], Size: uint64(len(files[name]))})
	}
	return m
}

func (s *signer) sign(m *safelightv1.Manifest) *safelightv1.SignedManifest {
	s.t.Helper()
	raw, err := proto.Marshal(m)
	must(s.t, err)
	sig, err := pki.Sign(s.key, pki.PolicyContext, raw)
	must(s.t, err)
	return &safelightv1.SignedManifest{Manifest: raw, KeyId: s.id, Signature: sig}
}

// version is a signed policy that flags one site.
func (s *signer) version(serial uint64, site string) *safelightv1.SignedManifest {
	return s.sign(s.manifest(serial, pack(site)))
}

// device is the policy folder of one device of the school.
type device struct {
	*policy.Store
	t      testing.TB
	dir    string
	signer *signer
	logged *strings.Builder
}

func newDevice(t testing.TB) *device {
	d := &device{t: t, dir: filepath.Join(t.TempDir(), "policy"), signer: newSigner(t)}
	d.reopen()
	return d
}

// reopen is a restart of the agent.
func (d *device) reopen() {
	d.t.Helper()
	d.logged = &strings.Builder{}
	if d.Store != nil {
		must(d.t, d.Close())
	}
	store, err := policy.Open(d.dir, school, d.signer.keys, slog.New(slog.NewTextHandler(d.logged, nil)))
	must(d.t, err)
	store.AcceptEpochs(d.signer.recoveryKey)
	d.Store = store
}

func (d *device) apply(signed *safelightv1.SignedManifest) error {
	return d.Apply(d.t.Context(), signed, d.signer.fetch)
}

// judges says whether the policy in force is 1.serial and flags the site.
func (d *device) judges(serial uint64, site string) {
	d.t.Helper()
	a := d.Active()
	if a == nil {
		d.t.Fatal("no policy is in force")
	}
	if a.Epoch != 1 || a.Serial != serial {
		d.t.Errorf("policy %d.%d is in force, want 1.%d", a.Epoch, a.Serial, serial)
	}
	d.Use(func(set *rules.Ruleset, epoch, serial uint64) {
		if v := set.Judge(rules.Input{Kind: event.Domain, Text: site}); v.Decision != rules.Flag {
			d.t.Errorf("policy %d.%d says %q of %s", epoch, serial, v.Decision, site)
		}
	})
}
