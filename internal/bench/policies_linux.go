package main

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"safelight/agent/policy"
	"safelight/internal/bundle"
	"safelight/internal/packdir"
	"safelight/internal/pki"
	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

const policyNames = 5_000_000

const policyList = `extends: gambling
owner: bench
why: To measure.
domains: [{list: bench, url: "https://lists.invented.example/b", format: domains, licence: CC0-1.0, from: Nobody}]
tests: {miss: [{domain: example.org}]}
`

// openedPolicies measures how an agent's start opens the packs that ship with a
// list of five million names, compiled, and the packs as YAML, as devices compiled
// them themselves before.
func openedPolicies(ctx context.Context, _ string) ([]row, error) {
	dir, err := os.MkdirTemp("", "safelight-policy-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	holder := filepath.Join(dir, "policyholder")
	if err := run2(ctx, "go", "build", "-tags", "grpcnotrace", "-o", holder, "./internal/bench/policyholder"); err != nil {
		return nil, err
	}
	yaml, err := packdir.Shipped()
	if err != nil {
		return nil, err
	}
	set, err := rules.Compile(yaml)
	if err != nil {
		return nil, err
	}
	shipped, err := bundle.Encode(set)
	if err != nil {
		return nil, err
	}
	listed, err := withNames(yaml)
	if err != nil {
		return nil, err
	}
	var rows []row
	var peer string
	for _, c := range []struct {
		what, aim string
		files     map[string][]byte
	}{
		{"the packs as YAML", "", yaml},
		{"the packs, compiled", "under 5 ms", shipped},
		{"the packs and a list of 5 million names, compiled", "under 5 ms", listed},
	} {
		h, err := holdPolicy(ctx, dir, holder, c.files)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.what, err)
		}
		if c.aim == "" {
			peer = fmt.Sprintf("as YAML %.1f ms", float64(h.median)/1000)
			rows = append(rows, row{"policy: memory of its own after opening " + c.what, h.memory(), "", ""})
			continue
		}
		rows = append(
			rows,
			row{"policy: opening " + c.what, fmt.Sprintf("%.2f ms, slowest tenth %.2f", float64(h.median)/1000, float64(h.slow)/1000), c.aim, peer},
			row{"policy: memory of its own after opening " + c.what, h.memory(), "at most 8 MB", ""},
		)
	}
	return rows, nil
}

func withNames(yaml map[string][]byte) (map[string][]byte, error) {
	files := maps.Clone(yaml)
	files["bench/pack.yaml"] = []byte("pack: bench\ntitle: Bench\nversion: 1\n")
	files["bench/gambling.yaml"] = []byte(policyList)
	set, err := rules.CompileWith(files, map[string]rules.NameList{"bench": func(yield func(string) bool) {
		for i := range policyNames {
			if !yield(fmt.Sprintf("name-%d.invented.example", i)) {
				return
			}
		}
	}})
	if err != nil {
		return nil, err
	}
	return bundle.Encode(set)
}

// heldPolicy is what policyholder says.
type heldPolicy struct{ median, slow, before, after, flagged int }

func (h heldPolicy) memory() string {
	return fmt.Sprintf("%.1f MB, %.1f before", float64(h.after)/1024, float64(h.before)/1024)
}

// holdPolicy signs files as a collector does, has an agent's room install them,
// and another process open them.
func holdPolicy(ctx context.Context, dir, holder string, files map[string][]byte) (h heldPolicy, err error) {
	key, err := pki.NewPolicyKey()
	if err != nil {
		return h, err
	}
	signed, public, err := signPolicy(key, files)
	if err != nil {
		return h, err
	}
	folder, err := os.MkdirTemp(dir, "folder-")
	if err != nil {
		return h, err
	}
	keys := func() []*safelightv1.PolicyKey {
		return []*safelightv1.PolicyKey{{KeyId: signed.GetKeyId(), Ed25519Public: public}}
	}
	s, err := policy.Open(folder, "bench", keys, slog.New(slog.DiscardHandler))
	if err != nil {
		return h, err
	}
	err = s.Apply(ctx, signed, func(_ context.Context, sum []byte, offset int64, to io.Writer) error {
		for _, data := range files {
			if sha256.Sum256(data) == [32]byte(sum) {
				_, err := to.Write(data[offset:])
				return err
			}
		}
		return os.ErrNotExist
	})
	if err := errors.Join(err, s.Close()); err != nil {
		return h, err
	}
	out, err := exec.CommandContext(ctx, holder, folder, hex.EncodeToString(public)).Output()
	if err != nil {
		return h, fmt.Errorf("opening a policy in another process: %w", err)
	}
	if _, err := fmt.Sscan(string(out), &h.median, &h.slow, &h.before, &h.after, &h.flagged); err != nil {
		return h, fmt.Errorf("reading %q: %w", out, err)
	}
	if listed := len(files[bundle.NamesFile]) > 0; listed != (h.flagged > 0) {
		return h, fmt.Errorf("%d names were flagged", h.flagged)
	}
	return h, nil
}

func signPolicy(key crypto.Signer, files map[string][]byte) (*safelightv1.SignedManifest, ed25519.PublicKey, error) {
	public := key.Public().(ed25519.PublicKey)
	id, err := pki.KeyID(public)
	if err != nil {
		return nil, nil, err
	}
	m := &safelightv1.Manifest{School: "bench", Epoch: 1, Serial: 1, KeyId: id, MinEngine: rules.Engine, Issued: timestamppb.New(time.Now())}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		sum := sha256.Sum256(files[name])
		m.Blobs = append(m.Blobs, &safelightv1.Blob{Name: name, Sha256: sum[:], Size: uint64(len(files[name]))})
	}
	raw, err := proto.Marshal(m)
	if err != nil {
		return nil, nil, err
	}
	sig, err := pki.Sign(key, pki.PolicyContext, raw)
	return &safelightv1.SignedManifest{Manifest: raw, KeyId: id, Signature: sig}, public, err
}
