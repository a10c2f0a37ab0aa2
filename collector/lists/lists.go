package lists

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"safelight/collector/model"
	"safelight/internal/rules"
)

// Store is where lists are kept. What a lease is given for fails once another
// collector has taken it over.
type Store interface {
	Lists(ctx context.Context, school model.SchoolID) ([]model.List, error)
	List(ctx context.Context, school model.SchoolID, id string) (model.List, error)
	ListVersions(ctx context.Context, school model.SchoolID, list string) ([]model.ListVersion, error)
	ListChunk(ctx context.Context, school model.SchoolID, list string, version int64, part model.ListPart, key []byte) (model.ListChunk, error)
	ListChunksAfter(ctx context.Context, school model.SchoolID, list string, version int64, part model.ListPart, after []byte, limit int) ([]model.ListChunk, error)
	PolicyMade(ctx context.Context, school model.SchoolID, epoch, serial uint64) (bool, error)
	ListsPublished(ctx context.Context, school model.SchoolID, versions map[string]int64) error

	ClaimList(ctx context.Context, l model.ListLease, now time.Time) (bool, error)
	ReleaseList(ctx context.Context, l model.ListLease) error
	NoteList(ctx context.Context, l model.ListLease, try model.ListTry) error
	StageList(ctx context.Context, l model.ListLease) (version int64, err error)
	AddListChunks(ctx context.Context, l model.ListLease, version int64, chunks []model.ListChunk) error
	TakeList(ctx context.Context, l model.ListLease, v model.ListVersion, try *model.ListTry, what string, now time.Time) error
	OfferList(ctx context.Context, l model.ListLease, v model.ListVersion, try *model.ListTry, why string, now time.Time) error
	SweepList(ctx context.Context, l model.ListLease, before time.Time) error
}

// Rules are the rules in force, as far as they are about lists.
type Rules interface {
	Lists() []rules.ListSource
	IsProtected(host string) bool
}

// Parts are what Lists is built of.
type Parts struct {
	School model.SchoolID
	Store  Store
	// Rules returns the rules in force; nil before the first.
	Rules func() Rules
	// Dir is where large lists are sorted; its files are the owner's alone.
	Dir string
	// Changed is told of lists, by id, whose version in force the published rules
	// were not made with, and makes rules of them; until it succeeds it is told
	// again. nil: nobody publishes.
	Changed func(ctx context.Context, versions map[string]int64) error
	// Vet says in words why a list must not have a version, of which holds says
	// whether it has a host or a name above it: it would flag what nothing may.
	// Empty: it may. nil: nobody asks.
	Vet func(ctx context.Context, id string, holds func(host string) (name string, ok bool, err error)) (why string, err error)
	// InFile asks the text of a list in a pack's own file, which is not kept here;
	// known is false where there is none of that id. nil: nobody knows.
	InFile func(ctx context.Context, id, host string) (holds, known bool, err error)
	// Transport reaches sources; nil: the network, by the system's proxy settings.
	Transport http.RoundTripper
	Version   string // of this program, told to sources
	Now       func() time.Time
	Log       *slog.Logger
}

// Lists keeps a school's lists. Its methods may be called concurrently; one list
// is taken at a time.
type Lists struct {
	Parts
	fetcher
	limits Limits
	owner  string        // of leases
	one    chan struct{} // holds one token while a list is taken
	wake   chan struct{}

	publishing          sync.Mutex // held over Publish
	complained          sync.Map   // ids of lists that could not be read
	unlisted, unchecked atomic.Int64
	sure                sure
}

// The errors that callers tell apart.
var (
	ErrNotSubscribed = errors.New("the rules in force subscribe to no such list")
	ErrBusy          = errors.New("another collector is fetching it")
	ErrNotKept       = errors.New("that version of the list is not kept")
	ErrNothingWaits  = errors.New("nothing waits to be accepted: only what a guard refused does (`lists` shows it as \"waits\"); `lists refresh` fetches the list now, and `lists import` takes it from a file")
)

// New makes Lists, and removes what one that was cut short left in p.Dir.
func New(p Parts) (*Lists, error) {
	left, err := filepath.Glob(filepath.Join(p.Dir, tempPattern))
	if err != nil {
		return nil, fmt.Errorf("looking for what lists left behind: %w", err)
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("removing what lists left behind: %w", err)
		}
	}
	l := &Lists{
		Parts: p, limits: DefaultLimits, owner: rand.Text(), one: make(chan struct{}, 1), wake: make(chan struct{}, 1),
	}
	l.fetcher = newFetcher(p.Transport, p.Version, p.Now)
	return l, nil
}

// Sources are the subscriptions of the rules in force, each list once.
func (l *Lists) Sources() []rules.ListSource {
	r := l.Rules()
	if r == nil {
		return nil
	}
	var all []rules.ListSource
	for _, s := range r.Lists() {
		known := slices.ContainsFunc(all, func(o rules.ListSource) bool { return o.ID == s.ID })
		if s.URL != "" && !known {
			all = append(all, s)
		}
	}
	return all
}

func (l *Lists) source(id string) (rules.ListSource, error) {
	var ids []string
	for _, s := range l.Sources() {
		if s.ID == id {
			return s, nil
		}
		ids = append(ids, s.ID)
	}
	if len(ids) == 0 {
		return rules.ListSource{}, fmt.Errorf("list %q: %w, nor to any other", id, ErrNotSubscribed)
	}
	return rules.ListSource{}, fmt.Errorf("list %q: %w; they subscribe to %s", id, ErrNotSubscribed, strings.Join(ids, ", "))
}

func (l *Lists) protected() func(host string) bool {
	if r := l.Rules(); r != nil {
		return r.IsProtected
	}
	return nil
}

// Step says how far the taking of a list is.
type Step = model.ListStep

// Progress is told of steps, some times a second at most.
type Progress = func(Step)

// Result says what came of a refresh or import.
type Result = model.ListResult

// The outcomes there are.
const (
	Updated   = "updated"
	Unchanged = "unchanged"
	Refused   = "refused" // by a guard: waits for a person
)
