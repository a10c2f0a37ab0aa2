package server

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"time"

	"safelight/collector/about"
	"safelight/collector/admin"
	"safelight/collector/alert"
	"safelight/collector/alert/notify"
	"safelight/collector/console"
	"safelight/collector/enrol"
	"safelight/collector/fleet"
	"safelight/collector/ingest"
	"safelight/collector/model"
	"safelight/collector/people"
	"safelight/collector/policy"
	"safelight/collector/store"
	"safelight/collector/watch"
	"safelight/internal/event"
	"safelight/internal/packdir"
	"safelight/internal/rules"
	"safelight/internal/version"
)

// build makes the parts; nothing runs yet.
func build(ctx context.Context, conf Config, s *state, o Options) (*parts, error) {
	zone, err := conf.zone()
	if err != nil {
		return nil, err
	}
	p := &parts{conf: conf, log: o.Log, now: o.Now, authority: s.authority, store: s.store}
	if err := s.openRecord(ctx, o.Now, o.Log, func() { p.watch.CheckpointAnnounced() }); err != nil {
		return nil, err
	}
	p.record = s.record
	p.gate = enrol.NewGate(schoolID, s.authority, o.Now, o.Log)
	p.gate.TellEnded(p.noticedEnded)
	if p.policy, err = newPublisher(ctx, s, o.Now); err != nil {
		return nil, err
	}
	if err := s.openLists(p.policy, o.Now, o.Log); err != nil {
		return nil, err
	}
	p.lists = s.lists
	p.enrol = enrol.NewService(schoolID, s.authority, s.store, enrolRefusals, p.policy.Keys, o.Now, o.Log)
	s.authority.HandOut(conf.ServerNames, conf.handedOut())
	// "Today" begins at the school's midnight, not at the server's.
	p.fleet = s.fleet(zone, o.Now, o.Log)
	if err := p.fleet.Load(ctx); err != nil {
		return nil, err
	}
	p.checks = s.checks(zone, o.Now)
	p.people = people.NewResolver(s.store)
	p.about = about.NewBoard(!conf.About.BehindProxy, time.Now)
	p.overlays = people.NewOverlays(schoolID, s.store, s.keys.ring.Present, o.Now)
	keys, err := p.keysFor(ctx, s)
	if err != nil {
		return nil, err
	}
	p.watch = watch.New(watch.Parts{
		Policies: p.policy, Blobs: s.store, Fleet: p.fleet, People: p.people, Audit: s.record, DeviceFrom: enrol.DeviceFrom,
		Trust: s.trust, Keys: keys, Overlays: p.overlays, Places: p.siteOf, About: p.about, Checks: p.checks, Now: o.Now, Log: o.Log,
		Held: func(ctx context.Context, school model.SchoolID, device string, epoch []byte) (map[event.Severity]uint64, error) {
			return p.ingest.Held(ctx, school, device, epoch)
		},
	})
	if err := p.buildAlerts(); err != nil {
		return nil, err
	}
	p.ingest, err = ingest.New(ingest.Options{
		Store: s.store, DeviceFrom: enrol.DeviceFrom, Now: o.Now, Logger: o.Log, Version: version.Version,
		Wake: func(model.SchoolID, event.Severity) { p.gatherer.Wake() }, Seen: p.fleet.Seen, Positions: s.store, Ready: s.store.Ready,
		Unlisted: p.lists.Unlisted,
		Checked:  func(_ model.SchoolID, device, request string) { p.checks.Answer(device, request) },
	})
	if err != nil {
		return nil, err
	}
	p.changes = newChanges(s.store, p.policy, p.gate, p.watch, p.overlays, p.gatherer.Wake, o.Log)
	p.changes.wakeLists, p.changes.checks = p.lists.Wake, p.checks
	if err := p.changes.look(ctx); err != nil {
		return nil, err
	}
	if err := p.hangAbout(ctx, s.dir); err != nil {
		return nil, err
	}
	p.warnOfKeys(ctx)
	s.keys.changed = p.watch.TrustChanged
	if p.admin, err = adminVerbs(ctx, conf, s, p.fleet, p.changes.poke, o.Now, o.Log); err != nil {
		return nil, err
	}
	browsers, err := browserKey(s.dir)
	if err != nil {
		return nil, err
	}
	c, err := console.New(console.Config{
		Checks: p.checks,
		School: schoolID, Store: s.recorded(), Categories: categories{p.policy}, Fleet: p.fleet, Devices: deviceDesk{p.fleet, p.admin},
		Now: o.Now, Location: zone, Log: o.Log, BrowserKey: browsers,
	})
	if err != nil {
		return nil, err
	}
	p.console = c.Handler()
	return p, nil
}

func (p *parts) buildAlerts() (err error) {
	var tell alert.Notifier = noMail{}
	if p.conf.Mail.Host != "" {
		if tell, err = notify.NewMailer(p.conf.Mail, p.conf.PublicURL, p.store, p.now, p.log); err != nil {
			return err
		}
	} else {
		p.log.Warn("no mail server is configured: alerts wait in the console and nobody is told of them", "mend", "set mail.host in collector.yaml")
	}
	p.jobs, err = alert.NewJobs(alert.JobOptions{DB: p.store.DB(), Shared: p.store.Shared(), Store: p.store, Notifier: tell, Now: p.now, Logger: p.log})
	if err != nil {
		return err
	}
	p.gatherer = alert.NewGatherer(p.store, p.jobs, schoolID, p.now, p.log)
	return nil
}

// noMail stands in until a mail server is configured: every notification is
// tried again for a day and then fails visibly.
type noMail struct{}

var errNoMail = errors.New("no mail server is configured: set mail.host in collector.yaml")

func (noMail) Notify(context.Context, model.SchoolID, string) error { return errNoMail }

// enrolRefusals are the store's answers for the person who enrols.
var enrolRefusals = []error{store.ErrTokenUnknown, store.ErrTokenUsed, store.ErrTokenExpired, store.ErrTokenEnded, store.ErrKeyEnded, store.ErrSplitTwice, store.ErrTrialFull}

func newPublisher(ctx context.Context, s *state, now func() time.Time) (*policy.Publisher, error) {
	shipped, err := packdir.Shipped()
	if err != nil {
		return nil, err
	}
	return policy.NewPublisherOn(ctx, schoolID, s.keys.ring, shipped, s.store, now)
}

// newWorkflow is the way of a change of rules, around a publisher.
func newWorkflow(s *state, p *policy.Publisher, desk *people.Desk) (*policy.Workflow, error) {
	shipped, err := packdir.Shipped()
	if err != nil {
		return nil, err
	}
	w := policy.NewWorkflow(p, shipped, s.store)
	w.UsePeriods(func(ctx context.Context) (policy.Periods, error) {
		hours, err := desk.Timetable(ctx)
		if err != nil || hours == nil {
			return nil, err
		}
		return hours.Words, nil
	})
	desk.GoBy, desk.OnePerson = w.GoBy, w.OnePerson
	w.UseSchool(func(ctx context.Context) (rules.School, error) { return s.scopeWords(ctx, desk) })
	return w, nil
}

func adminVerbs(ctx context.Context, conf Config, s *state, devices *fleet.Fleet, changed func(), now func() time.Time, log *slog.Logger) (*admin.Admin, error) {
	publisher, err := newPublisher(ctx, s, now)
	if err != nil {
		return nil, err
	}
	s.keys.publisher = publisher
	if err := s.openLists(publisher, now, log); err != nil {
		return nil, err
	}
	zone, err := conf.zone()
	if err != nil {
		return nil, err
	}
	desk := s.desk(zone, now)
	workflow, err := newWorkflow(s, publisher, desk)
	if err != nil {
		return nil, err
	}
	workflow.UseZone(zone)
	return admin.New(admin.Parts{
		Keys: s.keys, RootNow: s.root,
		School: schoolID, Store: s.recorded(), Audit: verbsOn{s.record, s.keys.path(epochKeyFile)}, Rules: workflow, Root: s.root(), ServerName: conf.serverName(),
		Addresses: conf.agentAddresses(), ConsoleURL: conf.PublicURL, ReadRoster: people.ReadRoster,
		Backup:    newBackups(s, conf.Store, now).prepare,
		Keyring:   s.keyring,
		Desk:      desk,
		Fleet:     devices,
		Checks:    s.checks(zone, now),
		Zone:      zone,
		RemoveOld: newRetention(s.store, now, log).remove,
		Lists:     s.lists,
		NotFound:  store.ErrNotFound, Changed: changed, Now: now, Log: log,
	}), nil
}

func (s *state) root() *x509.Certificate { return s.authority.Root() }

// categories words the published rules for the console.
type categories struct{ policy *policy.Publisher }

func (c categories) Category(id string) (console.Category, bool) {
	got, ok := c.policy.Category(id)
	return console.Category{
		Title: got.Title, Noun: got.Noun, FirstSteps: got.FirstSteps, Helplines: got.Helplines, PackVersion: got.Pack,
	}, ok
}

func (c categories) List(id string) (console.List, bool) {
	set := c.policy.Rules()
	if set == nil {
		return console.List{}, false
	}
	for _, l := range set.Policy().Lists {
		if l.ID == id {
			return console.List{From: l.From, Licence: l.Licence, Own: l.File != ""}, true
		}
	}
	return console.List{}, false
}
