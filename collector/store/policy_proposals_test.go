package store

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"safelight/collector/model"
)

func proposeIn(t *testing.T, s *Store, by string, files map[string]string) model.Proposal {
	t.Helper()
	blobs := map[string]model.Blob{}
	for name, text := range files {
		blobs[name] = model.Blob{School: school, SHA256: sha256.Sum256([]byte(text)), Data: []byte(text)}
	}
	p, err := s.AddProposal(t.Context(), model.Proposal{School: school, At: noon, By: by, Reason: "because", Necessity: "needed", BaseEpoch: 1, BaseSerial: 2}, blobs)
	must(t, err)
	return p
}

func TestAProposalIsKeptWithItsFiles(t *testing.T) {
	s := openStore(t)
	p := proposeIn(t, s, "it", map[string]string{"mine/a.yaml": "a", "mine/b.yaml": "a", "mine/c.yaml": ""})
	got, err := s.Proposal(t.Context(), school, p.ID)
	must(t, err)
	if got != p || !strings.HasPrefix(p.ID, "P-") || p.State != model.ProposalOpen || p.BaseSerial != 2 {
		t.Errorf("kept %+v of %+v", got, p)
	}
	files, err := s.ProposalFiles(t.Context(), school, p.ID)
	must(t, err)
	if len(files) != 3 || string(files["mine/b.yaml"]) != "a" || len(files["mine/c.yaml"]) != 0 {
		t.Errorf("files %v", files)
	}
	if _, err := s.Proposal(t.Context(), "another", p.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("another school reads it: %v", err)
	}
	if files, err := s.ProposalFiles(t.Context(), "another", p.ID); err != nil || len(files) > 0 {
		t.Errorf("another school reads its files: %v, %v", files, err)
	}
}

func TestOfTwoWhoDecideAProposalOneIsRefused(t *testing.T) {
	s := openStore(t)
	p := proposeIn(t, s, "it", map[string]string{"mine/a.yaml": "a"})
	version := model.PolicyVersion{School: school, Epoch: 1, Serial: 3, Issued: noon.Add(time.Hour), By: "dsl", Reason: "agreed", Manifest: []byte("m"), Proposal: p.ID}
	var both sync.WaitGroup
	var done, refused atomic.Int32
	for _, decide := range []func() error{
		func() error { return s.PublishPolicy(t.Context(), version, nil) },
		func() error {
			return s.WithdrawProposal(t.Context(), school, p.ID, "it", "a mistake", noon.Add(time.Hour))
		},
	} {
		both.Go(func() {
			switch err := decide(); {
			case err == nil:
				done.Add(1)
			case errors.Is(err, ErrDecided):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	both.Wait()
	if done.Load() != 1 || refused.Load() != 1 {
		t.Fatalf("%d decided and %d refused", done.Load(), refused.Load())
	}
	got, err := s.Proposal(t.Context(), school, p.ID)
	must(t, err)
	_, published, err := s.LatestPolicy(t.Context(), school)
	must(t, err)
	if published != (got.State == model.ProposalPublished) || published != (got.Serial == 3) || got.Decided.IsZero() || got.DecidedBy == "" {
		t.Errorf("published %t, and the proposal says %+v", published, got)
	}
}

func TestARefusedVersionLeavesItsProposalOpen(t *testing.T) {
	s := openStore(t)
	p := proposeIn(t, s, "it", map[string]string{"mine/a.yaml": "a"})
	v := model.PolicyVersion{School: school, Epoch: 1, Serial: 1, Issued: noon, By: "dsl", Manifest: []byte("m")}
	must(t, s.PublishPolicy(t.Context(), v, nil))
	v.Proposal = p.ID
	if err := s.PublishPolicy(t.Context(), v, nil); !errors.Is(err, ErrPolicyOlder) {
		t.Errorf("error = %v", err)
	}
	v.Serial, v.Proposal = 2, "P-NOTTHERE"
	if err := s.PublishPolicy(t.Context(), v, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("error = %v", err)
	}
	got, err := s.Proposal(t.Context(), school, p.ID)
	if must(t, err); got.State != model.ProposalOpen {
		t.Errorf("the proposal is %+v", got)
	}
	if n := count(t, s, "policy_versions"); n != 1 {
		t.Errorf("%d versions", n)
	}
}

func TestProposalsAreBounded(t *testing.T) {
	s := openStore(t)
	var last model.Proposal
	for range openProposals {
		last = proposeIn(t, s, "it", map[string]string{"mine/a.yaml": "a"})
	}
	if _, err := s.AddProposal(t.Context(), model.Proposal{School: school, At: noon, By: "it"}, nil); !errors.Is(err, ErrTooManyProposals) {
		t.Errorf("error = %v", err)
	}
	must(t, s.WithdrawProposal(t.Context(), school, last.ID, "it", "a mistake", noon))
	proposeIn(t, s, "it", nil)
	all, err := s.Proposals(t.Context(), school)
	if must(t, err); len(all) != openProposals+1 {
		t.Errorf("%d proposals", len(all))
	}
}

func TestWhatIsDoneWithAProposalIsOnRecord(t *testing.T) {
	s := openStore(t)
	p := proposeIn(t, s, "it", nil)
	must(t, s.WithdrawProposal(t.Context(), school, p.ID, "dsl", "not now", noon))
	noted := outbox(t, s)
	for _, want := range []string{"user:it rules.propose " + model.ProposalRef(p.ID) + "  (because) ", "user:dsl rules.withdraw " + model.ProposalRef(p.ID) + "  (not now) "} {
		if !slices.Contains(noted, want) {
			t.Errorf("on record: %q, want %q", noted, want)
		}
	}
}
