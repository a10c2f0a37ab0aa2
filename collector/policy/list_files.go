package policy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"safelight/internal/rules"
)

// filedFor is for how long what once stood in a pack's own list is believed: a
// laptop that comes back after the summer still judges by what it was last given.
const filedFor = 120 * 24 * time.Hour

// InFile says whether a list in a pack's own file holds a host or a name above it,
// now or in the rules of the last months. Devices have its names as hashes alone,
// and the versions' sources have its text. known is false where the rules in force
// have no such list.
func (p *Publisher) InFile(ctx context.Context, id, host string) (holds, known bool, err error) {
	set := p.Rules()
	if set == nil {
		return false, false, nil
	}
	lists := set.Policy().Lists
	i := slices.IndexFunc(lists, func(l rules.ListSource) bool { return l.ID == id && l.File != "" })
	if i < 0 {
		return false, false, nil
	}
	editions, err := p.store.PolicyFileEditions(ctx, p.school, lists[i].File, p.now().Add(-filedFor))
	if err != nil {
		return false, false, fmt.Errorf("looking a name up in list %s: %w", id, err)
	}
	for _, sha := range editions {
		names, err := p.filed.names(sha, lists[i].Format, func() ([]byte, error) { return p.store.Blob(ctx, p.school, sha) })
		if err != nil {
			return false, false, fmt.Errorf("looking a name up in list %s: %w", id, err)
		}
		if holdsHost(names, host) {
			return true, true, nil
		}
	}
	return false, len(editions) > 0, nil
}

// holdsHost looks a host and the names above it up in sorted names.
func holdsHost(names []string, host string) bool {
	for name := host; strings.IndexByte(name, '.') >= 0; _, name, _ = strings.Cut(name, ".") {
		if _, found := slices.BinarySearch(names, name); found {
			return true
		}
	}
	return false
}

// filedNames bounds what is kept of files: some 10 MB.
const filedNames = 200_000

// filed keeps the names of the files that were asked for last.
type filed struct {
	mu    sync.Mutex
	files map[filedAs][]string // guarded by mu; each sorted
	count int                  // guarded by mu
}

type filedAs struct {
	sha    [32]byte
	format string
}

// names gives a file's names, sorted.
func (f *filed) names(sha [32]byte, format string, read func() ([]byte, error)) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	as := filedAs{sha, format}
	if names, ok := f.files[as]; ok {
		return names, nil
	}
	data, err := read()
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(rules.ListFile(data, format))
	if f.files == nil || f.count+len(names) > filedNames {
		f.files, f.count = map[filedAs][]string{}, 0
	}
	f.files[as] = names
	f.count += len(names)
	return names, nil
}
