package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"safelight/collector/about"
	"safelight/collector/model"
	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

// aboutEvery is how often the About page is held against what is in force, beside
// at once when rules change: people with a duty come and go.
const aboutEvery = time.Minute

// hangAbout makes the board and puts the page of what is in force on it.
func (p *parts) hangAbout(ctx context.Context, dir string) error {
	if info, err := os.Stat(configFile(dir)); err == nil {
		p.confAt = info.ModTime()
	}
	p.changes.renewAbout = p.renewAbout
	if p.conf.About.OutOfHours == "" {
		p.log.Warn("nobody has chosen who reads alerts out of hours, and the About page says so", "mend", "set about.out_of_hours in collector.yaml")
	}
	return p.renewAbout(ctx)
}

func (p *parts) renewAbout(ctx context.Context) error {
	facts, err := p.aboutFacts(ctx)
	if err != nil {
		return fmt.Errorf("writing the About page: %w", err)
	}
	changed, err := p.about.Put(facts)
	if changed {
		p.watch.AboutChanged()
	}
	return err
}

// tendAbout keeps the page true until ctx ends.
func (p *parts) tendAbout(ctx context.Context) error {
	tick := time.NewTicker(aboutEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := p.renewAbout(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			p.log.ErrorContext(ctx, "the About page could not be written anew, the last one stands", "error", err.Error())
		}
		failing = err != nil
	}
}

// aboutFacts gathers what the page says.
func (p *parts) aboutFacts(ctx context.Context) (about.Facts, error) {
	school, err := p.store.School(ctx, schoolID)
	if err != nil {
		return about.Facts{}, err
	}
	users, err := p.store.Users(ctx, schoolID)
	if err != nil {
		return about.Facts{}, err
	}
	zone, err := p.conf.zone()
	if err != nil {
		return about.Facts{}, err
	}
	f := about.Facts{
		School: school.Name, Trial: school.Trial, Own: p.conf.About, Address: p.conf.aboutAddress(),
		Rules: p.told.from(p.policy.Rules()), AsOf: p.rulesAsOf().In(zone).Format("2 January 2006"),
	}
	if school.Trial {
		f.Kept = model.TrialKept
	}
	for _, u := range users {
		switch {
		case u.Disabled:
		case u.Duty == model.DutyDSL:
			f.DSLs++
		case u.Duty == model.DutyDeputy:
			f.Deputies++
		}
	}
	return f, nil
}

// toldRules keeps what was read of the rules in force until they are others.
type toldRules struct {
	mu   sync.Mutex // guards both
	of   *rules.Ruleset
	told *about.Rules
}

func (t *toldRules) from(set *rules.Ruleset) *about.Rules {
	t.mu.Lock()
	defer t.mu.Unlock()
	if set != t.of {
		t.of, t.told = set, about.FromRules(set)
	}
	return t.told
}

// rulesAsOf is when rules or configuration were last changed: the same on every
// collector of a school and after every start, so that devices are not sent a page
// that says nothing new.
func (p *parts) rulesAsOf() time.Time {
	as := p.confAt
	m := &safelightv1.Manifest{}
	if signed := p.policy.Signed(); signed != nil && proto.Unmarshal(signed.GetManifest(), m) == nil && m.GetIssued().AsTime().After(as) {
		as = m.GetIssued().AsTime()
	}
	return as
}

// publicServer serves the About page: over TLS, unless a proxy does that. What
// net/http has to say about callers is dropped, not logged: it holds addresses.
func (p *parts) publicServer() (func(net.Listener) func(context.Context) error, error) {
	srv := &http.Server{
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug), ReadHeaderTimeout: handshakeTimeout, WriteTimeout: 30 * time.Second,
		IdleTimeout:    5 * time.Second, // an assembly opens the page at once, from one address
		MaxHeaderBytes: 8 << 10, Handler: p.about.Handler(),
	}
	if p.conf.About.BehindProxy {
		return func(l net.Listener) func(context.Context) error { return serveHTTP(srv, l) }, nil
	}
	conf, err := consoleTLS(p.conf.HTTPS, p.authority.ConsoleCertificate())
	if err != nil {
		return nil, err
	}
	srv.TLSConfig = conf
	return func(l net.Listener) func(context.Context) error { return serveTLS(srv, l) }, nil
}
