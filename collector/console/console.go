package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"safelight/collector/model"
)

// Config is everything the console is given.
type Config struct {
	School     model.SchoolID
	Store      Store
	Categories Categories
	Fleet      Fleet // may be nil
	Devices    Devices
	Checks     Checks // may be nil; then there is no weekly check
	Now        func() time.Time
	Location   *time.Location // the school's clock
	Log        *slog.Logger
	// BrowserKey seals the cookies of known browsers: 32 random bytes, kept over
	// restarts.
	BrowserKey []byte
}

// Console serves people. It is safe for concurrent use.
type Console struct {
	school   model.SchoolID
	store    Store
	cats     Categories
	fleet    Fleet
	devices  Devices
	checks   Checks
	now      func() time.Time
	zone     *time.Location
	log      *slog.Logger
	pages    *pages
	hasher   *hasher
	reserved *hasher // for known browsers, whom no flood of strangers keeps waiting
	throttle *throttle
	browsers browsers
}

// New checks the configuration and builds a console.
func New(cfg Config) (*Console, error) {
	switch {
	case cfg.School == "":
		return nil, errors.New("building the console: no school: give the id of the school it serves")
	case cfg.Store == nil || cfg.Categories == nil || cfg.Devices == nil:
		return nil, errors.New("building the console: it needs a store, the rules' categories and the devices")
	case cfg.Now == nil || cfg.Location == nil || cfg.Log == nil:
		return nil, errors.New("building the console: it needs a clock, a time zone and a logger")
	}
	if len(cfg.BrowserKey) != 32 {
		return nil, fmt.Errorf("building the console: the key for known browsers has %d bytes, want 32", len(cfg.BrowserKey))
	}
	pages, err := loadPages()
	if err != nil {
		return nil, fmt.Errorf("building the console: %w", err)
	}
	return &Console{
		school: cfg.School, store: cfg.Store, cats: cfg.Categories, fleet: cfg.Fleet, devices: cfg.Devices, checks: cfg.Checks,
		now: cfg.Now, zone: cfg.Location, log: cfg.Log,
		pages: pages, hasher: newHasher(productionParams), reserved: newHasher(productionParams),
		throttle: newThrottle(), browsers: browsers{cfg.BrowserKey},
	}, nil
}

// Handler returns the whole console. It must be served over TLS: its cookie is
// refused by browsers otherwise.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /static/{file}", c.pages.static())
	mux.HandleFunc("GET /sign-in", c.signInForm)
	mux.HandleFunc("POST /sign-in", c.signIn)
	mux.HandleFunc("POST /sign-out", c.signOut)
	mux.HandleFunc("GET /welcome/{secret}", c.welcomeForm)
	mux.HandleFunc("POST /welcome/{secret}", c.welcome)
	mux.HandleFunc("GET /cover", c.cover)
	for _, rt := range c.routes() {
		mux.Handle(rt.pattern, c.only(rt))
	}
	// Everything else, and every other method, is the one page for what does
	// not exist.
	mux.Handle("/", c.signedIn(func(w http.ResponseWriter, r *http.Request, v viewer) { c.notFound(w, r, v) }))
	return c.guarded(mux)
}

// viewer is a signed-in person.
type viewer struct {
	user model.User
	hash []byte // of the session
	from string // the address they come from
}

// mayRead says whether alerts about pupils are this viewer's duty.
func (v viewer) mayRead() bool {
	return safeguarding(v.user.Duty)
}

// record writes an access row; the caller shows nothing if it fails.
func (c *Console) record(ctx context.Context, v viewer, what, ref string) error {
	err := c.store.RecordAccess(ctx, model.Access{
		School: c.school, At: c.now(), User: v.user.ID, What: what, Ref: ref, From: v.from,
	})
	if err != nil {
		return fmt.Errorf("recording that %s was read: %w", what, err)
	}
	return nil
}
