package fleet

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"safelight/collector/model"
)

// CheckStore keeps checks, what people write of them, and requests.
type CheckStore interface {
	Devices(ctx context.Context, school model.SchoolID) ([]model.Device, error)
	Sites(ctx context.Context, school model.SchoolID) ([]model.Site, error)
	UserByID(ctx context.Context, school model.SchoolID, id string) (model.User, error)
	SubjectByAccount(ctx context.Context, school model.SchoolID, account string) (model.Subject, bool, error)
	ChecksBetween(ctx context.Context, school model.SchoolID, from, to time.Time) ([]model.Check, error)
	AddCheckRecord(ctx context.Context, r model.CheckRecord) error
	CheckRecords(ctx context.Context, school model.SchoolID, week string) ([]model.CheckRecord, error)
	SignCheck(ctx context.Context, sig model.CheckSignature) error
	Signatures(ctx context.Context, school model.SchoolID, week string) ([]model.CheckSignature, error)
	LastSigned(ctx context.Context, school model.SchoolID) (time.Time, error)
	Reviews(ctx context.Context, school model.SchoolID, since time.Time) ([]model.Review, error)
	RequestCheck(ctx context.Context, r model.CheckRequest) error
	CheckRequests(ctx context.Context, school model.SchoolID, since time.Time) ([]model.CheckRequest, error)
	Answered(ctx context.Context, school model.SchoolID, since time.Time) (map[string]map[string]bool, error)
}

// Checks is the ledger of one school's checks: what devices found each week, what
// people wrote and who signed (G19). It also knows which devices are still to
// answer the newest request.
type Checks struct {
	store  CheckStore
	school model.SchoolID
	now    func() time.Time // the school's clock, in its zone

	mu       sync.Mutex                    // guards everything declared below
	requests map[string]model.CheckRequest // the newest by device; the empty one's is for every one
	answered map[string]map[string]bool    // devices, by request
}

// NewChecks makes the ledger.
func NewChecks(store CheckStore, school model.SchoolID, now func() time.Time) *Checks {
	return &Checks{store: store, school: school, now: now, requests: map[string]model.CheckRequest{}, answered: map[string]map[string]bool{}}
}

// ThisWeek names the week it is.
func (c *Checks) ThisWeek() string { return model.WeekOf(c.now()) }

// Week gathers a week's check; the empty name is this week's.
func (c *Checks) Week(ctx context.Context, week string) (w model.CheckWeek, err error) {
	w = model.CheckWeek{School: c.school, Week: cmp.Or(week, c.ThisWeek()), Names: map[string]string{}}
	if w.From, w.To, err = model.WeekSpan(w.Week, c.now().Location()); err != nil {
		return w, err
	}
	// First: what is counted as answered then stands among the checks, too.
	if err := c.requestOf(ctx, &w); err != nil {
		return w, err
	}
	checks, err := c.store.ChecksBetween(ctx, c.school, w.From, w.To)
	if err != nil {
		return w, err
	}
	devices, err := c.store.Devices(ctx, c.school)
	if err != nil {
		return w, err
	}
	w.Devices, w.Filter = outcomes(devices, checks, w.To)
	w.Sites = grouped(w.Devices, func(d model.CheckedDevice) string { return d.Site })
	w.Systems = grouped(w.Devices, func(d model.CheckedDevice) string { return d.OS })
	if w.Records, err = c.store.CheckRecords(ctx, c.school, w.Week); err != nil {
		return w, err
	}
	w.Users = byUsers(w.Records)
	w.Hides = hides(w.Devices)
	if w.Before, err = c.store.Signatures(ctx, c.school, model.WeekOf(w.From.AddDate(0, 0, -7))); err != nil {
		return w, err
	}
	if w.Signatures, err = c.store.Signatures(ctx, c.school, w.Week); err != nil {
		return w, err
	}
	if w.Reviews, err = c.reviews(ctx); err != nil {
		return w, err
	}
	return w, c.names(ctx, &w)
}

// requestOf reads the newest request for every device, as far as it is still
// carried out.
func (c *Checks) requestOf(ctx context.Context, w *model.CheckWeek) error {
	requests, answered, err := c.read(ctx)
	w.Request = requests[""]
	w.Answered = len(answered[w.Request.ID])
	return err
}

// outcomes says how each device came out: by its newest check of the week. A
// device that was enrolled later, or revoked before, is none of the week's.
func outcomes(devices []model.Device, checks []model.Check, to time.Time) (all []model.CheckedDevice, filter []model.Check) {
	newest := map[string]model.Check{}
	for _, c := range checks { // oldest first
		if c.OfFilter() {
			filter = append(filter, c)
			continue
		}
		newest[c.Device] = c
	}
	for _, d := range devices {
		if !d.Enrolled.Before(to) || !d.Revoked.IsZero() && d.Revoked.Before(to) {
			continue
		}
		one := model.CheckedDevice{ID: d.ID, Name: d.Name, Site: d.Site, OS: d.OS, Enrolled: d.Enrolled, State: model.CheckNone}
		if check, ok := newest[d.ID]; ok {
			one.Check, one.State = check, model.CheckFailed
			if check.Passed() {
				one.State = model.CheckPassed
			}
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b model.CheckedDevice) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return all, filter
}

func grouped(devices []model.CheckedDevice, by func(model.CheckedDevice) string) []model.CheckedGroup {
	var all []model.CheckedGroup
	for _, d := range devices {
		i := slices.IndexFunc(all, func(g model.CheckedGroup) bool { return g.Name == by(d) })
		if i < 0 {
			i, all = len(all), append(all, model.CheckedGroup{Name: by(d)})
		}
		g := &all[i]
		g.Devices++
		switch d.State {
		case model.CheckPassed:
			g.Passed++
		case model.CheckFailed:
			g.Failed++
		case model.CheckNone:
			g.Other++
		}
	}
	slices.SortFunc(all, func(a, b model.CheckedGroup) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// hides says on how many devices something was met that hides names: what passed
// still does not show these.
func hides(devices []model.CheckedDevice) []model.HidingGroup {
	var all []model.HidingGroup
	for _, what := range slices.Sorted(maps.Keys(model.HidingWords)) {
		n := 0
		for _, d := range devices {
			if d.Check.Hidden[what] > 0 {
				n++
			}
		}
		if n > 0 {
			all = append(all, model.HidingGroup{What: model.HidingWords[what], Devices: n})
		}
	}
	return all
}

// byUsers sorts what was tried under the one kind of accounts that it was tried
// as. As the service itself is as none of them.
func byUsers(records []model.CheckRecord) []model.CheckedUsers {
	all := make([]model.CheckedUsers, len(model.UserGroups))
	for i, group := range model.UserGroups {
		all[i].Group = group
		for _, r := range records {
			switch {
			case r.Group != group:
			case r.Kind == model.RecordFilter:
				all[i].Filter = append(all[i].Filter, r)
			case r.Kind == model.RecordMonitor:
				all[i].Monitor = append(all[i].Monitor, r)
			}
		}
	}
	return all
}

// reviews are the changes that both sides have not signed since (D7): new
// versions of systems, new browsers, changed networks.
func (c *Checks) reviews(ctx context.Context) ([]model.ReviewGroup, error) {
	signed, err := c.store.LastSigned(ctx, c.school)
	if err != nil {
		return nil, err
	}
	raised, err := c.store.Reviews(ctx, c.school, signed)
	if err != nil {
		return nil, err
	}
	sites, err := c.store.Sites(ctx, c.school)
	if err != nil {
		return nil, err
	}
	var all []model.ReviewGroup
	for _, s := range sites {
		if s.Changed.After(signed) {
			all = append(all, model.ReviewGroup{What: "network", Now: s.Name, Raised: s.Changed})
		}
	}
	for _, r := range raised { // oldest first
		i := slices.IndexFunc(all, func(g model.ReviewGroup) bool { return g.What == r.What && g.Was == r.Was && g.Now == r.Now })
		if i < 0 {
			i, all = len(all), append(all, model.ReviewGroup{What: r.What, Was: r.Was, Now: r.Now, Raised: r.Raised})
		}
		all[i].Devices++
	}
	return all, nil
}

// names reads who wrote and signed.
func (c *Checks) names(ctx context.Context, w *model.CheckWeek) error {
	ids := []string{w.Request.By}
	for _, r := range w.Records {
		ids = append(ids, r.By)
	}
	for _, s := range w.Signatures {
		ids = append(ids, s.By)
	}
	for _, id := range ids {
		if _, known := w.Names[id]; known || id == "" {
			continue
		}
		u, err := c.store.UserByID(ctx, c.school, id)
		switch {
		case err == nil:
			w.Names[id] = u.Name
		case isNotFound(err):
			w.Names[id] = id // a request from the command line
		default:
			return fmt.Errorf("reading who wrote on a week's check: %w", err)
		}
	}
	return nil
}
