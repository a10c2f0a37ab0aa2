// Package policy checks, signs and publishes a school's rules, and knows what is
// in force. collector/admin publishes through it, collector/watch serves what
// it published, the console asks it what a category is called. It signs with
// the policy key alone; agent binaries and certificates have others.
package policy

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"safelight/collector/model"
	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

// Store is what publishing needs kept.
type Store interface {
	PublishPolicy(ctx context.Context, v model.PolicyVersion, blobs []model.Blob) error
	LatestPolicy(ctx context.Context, school model.SchoolID) (model.PolicyVersion, bool, error)
	Blob(ctx context.Context, school model.SchoolID, sha [32]byte) ([]byte, error)
	PolicyFiles(ctx context.Context, school model.SchoolID, epoch, serial uint64) ([]model.PolicyFile, error)
	PolicyLists(ctx context.Context, school model.SchoolID, epoch, serial uint64) (map[string]int64, error)
	// PolicyFileEditions gives the different contents of a source file in the
	// versions that were in force at a time or since, the newest first.
	PolicyFileEditions(ctx context.Context, school model.SchoolID, file string, since time.Time) ([][32]byte, error)
	PolicyFileSince(ctx context.Context, school model.SchoolID, sha [32]byte) (time.Time, error)
}

// Publisher holds the policy key and the rules in force.
type Publisher struct {
	school    model.SchoolID
	ring      *Ring
	protected map[string][]byte // what every version carries unchanged (G5)
	store     Store
	now       func() time.Time

	filed filed // what InFile read

	reload     sync.Mutex // held over Reload, so that a slow one does not undo a later one
	publishing sync.Mutex // held over a publication: with a large list it takes many seconds
	mu         sync.Mutex // guards the three below; whoever asks for them waits for no publication
	lists      Lists      // nil: subscribed lists are empty
	rules      *rules.Ruleset
	signed     *safelightv1.SignedManifest
}

// NewPublisher reads what is in force. shipped are the packs built into the
// program (packdir.Shipped); the protected one among them goes into every
// version as it is.
func NewPublisher(ctx context.Context, school model.SchoolID, key crypto.Signer, shipped map[string][]byte, store Store, now func() time.Time) (*Publisher, error) {
	ring, err := NewRing(key)
	if err != nil {
		return nil, err
	}
	return NewPublisherOn(ctx, school, ring, shipped, store, now)
}

// NewPublisherOn is NewPublisher with keys that others share and change.
func NewPublisherOn(ctx context.Context, school model.SchoolID, ring *Ring, shipped map[string][]byte, store Store, now func() time.Time) (*Publisher, error) {
	protected := protectedFiles(shipped)
	if len(protected) == 0 {
		return nil, errors.New("opening the policy: the program ships no protected pack")
	}
	p := &Publisher{school: school, ring: ring, protected: protected, store: store, now: now}
	return p, p.Reload(ctx)
}

// Keys are the keys that devices are told to accept.
func (p *Publisher) Keys() map[string]ed25519.PublicKey { return p.ring.Public() }

// Reload takes over what the store holds, which another collector on the same
// database may have published.
func (p *Publisher) Reload(ctx context.Context) error {
	p.reload.Lock()
	defer p.reload.Unlock()
	v, ok, err := p.store.LatestPolicy(ctx, p.school)
	if err != nil {
		return fmt.Errorf("reading the policy in force: %w", err)
	}
	signed, err := signedOf(v)
	if !ok || err == nil && proto.Equal(signed, p.Signed()) {
		return nil // tables of millions of names are not read again for nothing
	}
	files, err := p.manifestFiles(ctx, v)
	if err != nil {
		return fmt.Errorf("reading the policy in force: %w", err)
	}
	set, err := open(files)
	if err != nil {
		return fmt.Errorf("opening the policy in force: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = set
	p.signed, err = signedOf(v)
	return err
}

// Signed returns the manifest in force, or nil before the first.
func (p *Publisher) Signed() *safelightv1.SignedManifest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.signed
}

// InForce returns the version in force, or noughts before the first.
func (p *Publisher) InForce() (epoch, serial uint64) {
	m := &safelightv1.Manifest{}
	if err := proto.Unmarshal(p.Signed().GetManifest(), m); err != nil {
		return 0, 0 // Reload read it, so this cannot be
	}
	return m.GetEpoch(), m.GetSerial()
}

// Category returns what the rules in force say of a category.
func (p *Publisher) Category(id string) (rules.Category, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rules == nil {
		return rules.Category{}, false
	}
	return p.rules.Category(id)
}

// Check compiles files and runs every test they carry. No error means that they
// could be published.
func Check(files map[string][]byte) (*rules.Ruleset, error) {
	set, problems, err := check(files)
	if err != nil {
		return nil, err
	}
	if len(problems) == 0 {
		return set, nil
	}
	errs := make([]error, len(problems))
	for i, pr := range problems {
		errs[i] = pr
	}
	return nil, errors.Join(errs...)
}

// Publish checks, signs and stores files as the next serial. by and reason are
// kept with it and must not be empty.
func (p *Publisher) Publish(ctx context.Context, files map[string][]byte, by, reason string) (model.PolicyVersion, error) {
	return p.PublishChange(ctx, Change{Files: files, By: by, Reason: reason})
}

// PublishChange is Publish for what was reviewed.
func (p *Publisher) PublishChange(ctx context.Context, c Change) (model.PolicyVersion, error) {
	if c.By == "" || c.Reason == "" {
		return model.PolicyVersion{}, errors.New("publishing rules: give --as WHO and --reason WHY; both are kept with the version")
	}
	if err := p.unchanged(c.Files); err != nil {
		return model.PolicyVersion{}, fmt.Errorf("publishing rules: %w", err)
	}
	set, err := Check(c.Files)
	if err != nil {
		return model.PolicyVersion{}, err
	}
	if err := p.vetRules(ctx, c.Files, set); err != nil {
		return model.PolicyVersion{}, fmt.Errorf("publishing rules: %w", err)
	}
	v, err := p.publish(ctx, c, set)
	if err != nil {
		return model.PolicyVersion{}, fmt.Errorf("publishing rules: %w", err)
	}
	return v, p.Reload(ctx)
}

// publish makes a version of checked files; set is what they compile to without
// the names of subscribed lists.
func (p *Publisher) publish(ctx context.Context, c Change, set *rules.Ruleset) (model.PolicyVersion, error) {
	p.publishing.Lock()
	defer p.publishing.Unlock()
	last, ok, err := p.store.LatestPolicy(ctx, p.school)
	if err != nil {
		return model.PolicyVersion{}, err
	}
	if !c.over(last, ok) {
		return model.PolicyVersion{}, ErrOvertaken
	}
	now := p.now().UTC()
	m := &safelightv1.Manifest{School: string(p.school), Epoch: 1, Serial: 1, Issued: timestamppb.New(now), MinEngine: rules.Engine}
	v := model.PolicyVersion{School: p.school, Issued: now, By: c.By, Reason: c.Reason, Proposal: c.Proposal}
	key, keyID := p.ring.Present()
	var leave *safelightv1.SignedManifest
	if ok {
		if last.KeyID != keyID {
			return model.PolicyVersion{}, fmt.Errorf("the rules in force were signed by key %s and the key here is %s, which devices would refuse; restore policy.key, or begin an epoch with `key rotate policy`", last.KeyID, keyID)
		}
		m.Epoch, m.Serial = last.Epoch, last.Serial+1
		if leave, err = signedOf(last); err != nil {
			return model.PolicyVersion{}, err
		}
	}
	var before *model.PolicyVersion
	if ok {
		before = &last
	}
	done, err := p.make(ctx, c.Files, set, before)
	if err != nil {
		return model.PolicyVersion{}, err
	}
	sources, blobs := p.named(c.Files, false)
	compiled, tables := p.named(done.compiled, true)
	for i, f := range compiled {
		m.Blobs = append(m.Blobs, &safelightv1.Blob{Name: f.Name, Sha256: f.SHA256[:], Size: uint64(len(tables[i].Data))})
	}
	v.Files, v.Lists = append(sources, compiled...), done.lists
	if v, err = seal(v, m, key, keyID, leave); err != nil {
		return model.PolicyVersion{}, err
	}
	return v, p.store.PublishPolicy(ctx, v, append(blobs, tables...))
}

func sortedNames(files map[string][]byte) []string {
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
