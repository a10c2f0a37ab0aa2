package policy

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"safelight/collector/model"
	"safelight/internal/bundle"
	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

// made is a version before it is signed.
type made struct {
	compiled map[string][]byte // what devices get
	lists    map[string]int64  // of which list versions
}

// make compiles a version: set are its rules without the names of subscribed
// lists. Where the table of names that devices have can serve on, with what has
// changed laid over it, it does.
func (p *Publisher) make(ctx context.Context, files map[string][]byte, set *rules.Ruleset, last *model.PolicyVersion) (made, error) {
	lists, err := p.versions(ctx, set)
	if err != nil {
		return made{}, err
	}
	if len(lists) == 0 {
		compiled, err := bundle.Encode(set)
		return made{compiled, lists}, err
	}
	if last != nil {
		m, ok, err := p.makeOver(ctx, files, set, lists, *last)
		if err != nil || ok {
			return m, err
		}
	}
	return p.makeAnew(ctx, files, lists)
}

// makeAnew builds a table of all names, under a key of its own: who wants to make
// a name that passes for a listed one would have to know it beforehand.
func (p *Publisher) makeAnew(ctx context.Context, files map[string][]byte, lists map[string]int64) (made, error) {
	var failed error
	given := map[string]rules.NameList{}
	for id, version := range lists {
		given[id] = func(yield func(string) bool) {
			for name, err := range p.subscribed().Names(ctx, id, version) {
				if err != nil {
					failed = errors.Join(failed, fmt.Errorf("reading list %s: %w", id, err))
					return
				}
				if !yield(name) {
					return
				}
			}
		}
	}
	if len(given) == 0 {
		set, err := compile(files)
		if err != nil {
			return made{}, err
		}
		if len(set.Tables().Names) == 0 { // and so needs no key
			out, err := bundle.Encode(set)
			return made{out, lists}, err
		}
	}
	var key [16]byte
	_, _ = rand.Read(key[:]) // never fails
	set, err := rules.CompileWith(files, given, rules.WithKey(key))
	if err := errors.Join(failed, err); err != nil {
		return made{}, err
	}
	compiled, err := bundle.Encode(set)
	return made{compiled, lists}, err
}

// named describes files of a version: their place in the manifest, and the blobs
// to store.
func (p *Publisher) named(files map[string][]byte, compiled bool) (list []model.PolicyFile, blobs []model.Blob) {
	for _, name := range sortedNames(files) {
		b := model.Blob{School: p.school, SHA256: sha256.Sum256(files[name]), Data: files[name]}
		blobs = append(blobs, b)
		list = append(list, model.PolicyFile{Name: name, SHA256: b.SHA256, Compiled: compiled})
	}
	return list, blobs
}

// Sources reads the files that a version was made of, as somebody wrote them.
func (p *Publisher) Sources(ctx context.Context, epoch, serial uint64) (map[string][]byte, error) {
	list, err := p.store.PolicyFiles(ctx, p.school, epoch, serial)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, f := range list {
		if f.Compiled {
			continue
		}
		if files[f.Name], err = p.store.Blob(ctx, p.school, f.SHA256); err != nil {
			return nil, fmt.Errorf("reading %s of rules %d.%d: %w", f.Name, epoch, serial, err)
		}
	}
	return files, nil
}

// sourcesOf is Sources for a version at hand. The manifest of one that an engine
// before 3 published names its sources.
func (p *Publisher) sourcesOf(ctx context.Context, v model.PolicyVersion) (map[string][]byte, error) {
	files, err := p.Sources(ctx, v.Epoch, v.Serial)
	if err != nil || len(files) > 0 {
		return files, err
	}
	return p.manifestFiles(ctx, v)
}

// manifestFiles reads what devices get of a version.
func (p *Publisher) manifestFiles(ctx context.Context, v model.PolicyVersion) (map[string][]byte, error) {
	m := &safelightv1.Manifest{}
	if err := proto.Unmarshal(v.Manifest, m); err != nil {
		return nil, fmt.Errorf("reading policy %d.%d: %w", v.Epoch, v.Serial, err)
	}
	files := map[string][]byte{}
	for _, b := range m.GetBlobs() {
		if len(b.GetSha256()) != sha256.Size {
			return nil, fmt.Errorf("reading %s of policy %d.%d: its hash is %d bytes long; restore the store from a backup", b.GetName(), v.Epoch, v.Serial, len(b.GetSha256()))
		}
		data, err := p.store.Blob(ctx, p.school, [32]byte(b.GetSha256()))
		if err != nil {
			return nil, fmt.Errorf("reading %s of policy %d.%d: %w", b.GetName(), v.Epoch, v.Serial, err)
		}
		files[b.GetName()] = data
	}
	return files, nil
}

// open makes rules of what devices get.
func open(files map[string][]byte) (*rules.Ruleset, error) {
	if files[bundle.PolicyFile] != nil {
		return bundle.Open(files)
	}
	return rules.Compile(files)
}
