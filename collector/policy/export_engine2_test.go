package policy

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"safelight/collector/model"
	safelightv1 "safelight/proto/safelight/v1"
)

// PublishAsEngine2 stores a first version as collectors did whose devices compiled
// the YAML themselves.
func (p *Publisher) PublishAsEngine2(ctx context.Context, files map[string][]byte) error {
	key, id := p.ring.Present()
	m := &safelightv1.Manifest{School: string(p.school), Epoch: 1, Serial: 1, Issued: timestamppb.New(p.now()), MinEngine: 2}
	list, blobs := p.named(files, false)
	for i, f := range list {
		m.Blobs = append(m.Blobs, &safelightv1.Blob{Name: f.Name, Sha256: f.SHA256[:], Size: uint64(len(blobs[i].Data))})
	}
	v, err := seal(model.PolicyVersion{School: p.school, Issued: p.now(), By: "dsl", Reason: "first"}, m, key, id, nil)
	if err != nil {
		return err
	}
	return p.store.PublishPolicy(ctx, v, blobs)
}

// SourcesOfLatest reads what the version in force was made of.
func (p *Publisher) SourcesOfLatest(ctx context.Context) (map[string][]byte, error) {
	v, _, err := p.store.LatestPolicy(ctx, p.school)
	if err != nil {
		return nil, err
	}
	return p.sourcesOf(ctx, v)
}
