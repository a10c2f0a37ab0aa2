package lists

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"safelight/collector/model"
	"safelight/internal/rules"
)

// Contains says whether a kept version of a list holds a host, or a name that it
// lies beneath, and which: the most specific. It reads one or two chunks of the
// store and keeps nothing.
func (l *Lists) Contains(ctx context.Context, id string, version int64, host string) (name string, ok bool, err error) {
	if err := l.kept(ctx, id, version); err != nil {
		return "", false, err
	}
	keys, err := wanted(host)
	if err != nil {
		return "", false, err
	}
	return l.lookUp(ctx, id, version, model.ListNames, keys)
}

// errNoHost does not repeat what was asked: it may come into a log (G11).
var errNoHost = errors.New("looking a name up in a list: it is no host name")

// wanted are the keys of a host and of the names above it, the longest first.
func wanted(host string) (keys [][]byte, err error) {
	clean, err := rules.CleanHost(host)
	if err != nil {
		return nil, errNoHost
	}
	if rules.IsAddress(clean) {
		return nil, nil
	}
	eachParent(keyOf(clean), func(key []byte) bool {
		keys = append(keys, key)
		return true
	})
	return keys, nil
}

// lookUp looks for keys, each a beginning of the one before, in one part of a
// version.
func (l *Lists) lookUp(ctx context.Context, id string, version int64, part model.ListPart, keys [][]byte) (name string, ok bool, err error) {
	for len(keys) > 0 {
		chunk, err := l.Store.ListChunk(ctx, l.School, id, version, part, keys[0])
		if errors.Is(err, model.ErrNotFound) {
			return "", false, nil // shorter ones stand earlier still
		}
		if err != nil {
			return "", false, err
		}
		within := 1 // how many keys stand in this chunk, if anywhere
		for within < len(keys) && bytes.Compare(keys[within], chunk.First) >= 0 {
			within++
		}
		found, err := find(chunk.Data, keys[:within])
		if err != nil {
			return "", false, fmt.Errorf("list %s, version %d: %w", id, version, err)
		}
		if found != nil {
			return nameOf(found), true, nil
		}
		keys = keys[within:]
	}
	return "", false, nil
}

// knew says whether a list holds a host now or held it lately: in one of the
// versions that are kept, or among what later ones lost. A device judges by the
// version that it was last given, which may be weeks old. known is false where
// there is no version to ask.
func (l *Lists) knew(ctx context.Context, id, host string) (holds, known bool, err error) {
	keys, err := wanted(host)
	if err != nil {
		return false, false, err
	}
	versions, err := l.Store.ListVersions(ctx, l.School, id)
	if err != nil {
		return false, false, err
	}
	for _, v := range versions {
		switch v.State {
		case model.ListKept:
			known = true
			if _, ok, err := l.lookUp(ctx, id, v.Version, model.ListNames, keys); ok || err != nil {
				return ok, true, err
			}
		case model.ListGone, model.ListStaged, model.ListOffered:
		}
		if v.State == model.ListStaged || v.State == model.ListOffered {
			continue
		}
		if _, ok, err := l.lookUp(ctx, id, v.Version, model.ListRemoved, keys); ok || err != nil {
			return ok, true, err
		}
	}
	return false, known, nil
}
