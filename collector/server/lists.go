package server

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"safelight/collector/lists"
	"safelight/collector/policy"
	"safelight/internal/version"
)

// openLists builds the lists that the rules in force subscribe to, once, and has
// a publisher make its versions with them.
func (s *state) openLists(p *policy.Publisher, now func() time.Time, log *slog.Logger) (err error) {
	if s.lists != nil {
		p.UseLists(s.lists)
		return nil
	}
	s.lists, err = lists.New(lists.Parts{
		School: schoolID, Store: s.store, Dir: s.dir, Version: version.Version, Now: now, Log: log,
		Rules: func() lists.Rules {
			if set := p.Rules(); set != nil {
				return set
			}
			return nil
		},
		Vet:     p.VetList,
		InFile:  p.InFile,
		Changed: func(ctx context.Context, _ map[string]int64) error { return p.ListsChanged(ctx) },
	})
	if err == nil {
		p.UseLists(s.lists)
	}
	return err
}

// listMetrics are the counts of lists for IT; what cannot be read is left out.
func (p *parts) listMetrics(r *http.Request) []metric {
	unlisted, _ := p.lists.Counts()
	all := []metric{{"safelight_list_mistakes", "Names that devices took for ones of a list and were not, since the start.", uint64(unlisted)}}
	if n, err := p.lists.Warnings(r.Context()); err == nil {
		all = append(all, metric{"safelight_list_warnings", "Lists that want looking at: `lists` says why.", uint64(n)})
	}
	return all
}
