package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"safelight/internal/logging"
	"safelight/internal/timetable"
	"safelight/internal/wire"
	safelightv1 "safelight/proto/safelight/v1"
)

var overlayNames = []string{"exemptions", "timetable", "sites"}

// maxListed bounds the exemptions and the sites of an overlay.
const maxListed = 1000

// view is what the overlays say, ready to be asked. It does not change.
type view struct {
	home       string
	exemptions leave
	table      *timetable.Timetable
	tableEnd   term
	sites      []place
	sitesEnd   term

	words *wordsCache
}

func (v *view) clone() *view {
	c := *v
	return &c
}

// term is how long something lasts, by both clocks.
type term struct {
	received Moment
	at       time.Time // of receipt, by the collector's clock
	until    time.Time
}

// fact says whether something that no one gains by still holds.
func (t term) fact(now time.Time) bool { return now.Before(t.until) }

// early is how long before its receipt leave holds: it is given before a device
// hears of it, and logs tell seconds only.
const early = 5 * time.Second

// grant says whether leave holds at a moment: by both clocks, and measured from
// its receipt, before which it did not hold either.
func (t term) grant(now Moment) bool {
	since := now.Mono - t.received.Mono
	return now.Boot == t.received.Boot && since >= -early && since < t.until.Sub(t.at) && now.Wall.Before(t.until)
}

type leave []exemption

type exemption struct {
	group, category string
	term
}

type place struct {
	name       string
	networks   []netip.Prefix
	suffixes   []string
	unfiltered bool
}

// take reads a held overlay into a view, once more verified: the disk is not
// trusted with what the signature is for.
func (o *Overlays) take(v *view, h held) error {
	in := &safelightv1.Overlay{}
	if err := proto.Unmarshal(h.Overlay, in); err != nil {
		return fmt.Errorf("reading overlay: %w", err)
	}
	body, err := o.verify(in)
	if err != nil {
		return err
	}
	last := term{received: Moment{Wall: h.Received, Boot: h.Boot, Mono: h.Mono}, at: h.At, until: body.GetExpires().AsTime()}
	switch what := body.GetWhat().(type) {
	case *safelightv1.OverlayBody_Exemptions:
		err = wantName(body, "exemptions")
		if err == nil {
			v.exemptions, err = leaveOf(what.Exemptions, last)
		}
	case *safelightv1.OverlayBody_Timetable:
		err = wantName(body, "timetable")
		if err == nil {
			v.table, err = timetable.New(wire.TimetablePlan(what.Timetable))
			v.tableEnd, v.words = last, &wordsCache{}
		}
	case *safelightv1.OverlayBody_Sites:
		err = wantName(body, "sites")
		if err == nil {
			v.sites, err = placesOf(what.Sites)
			v.sitesEnd = last
		}
	default:
		err = errors.New("it is of a kind that this agent does not know; update the agent")
	}
	if err != nil {
		err = fmt.Errorf("reading overlay %s.%d: %w", body.GetName(), body.GetSerial(), err)
		return logging.Quiet(err, fmt.Sprintf("overlay %s.%d does not hold what it should: its collector is newer or damaged", body.GetName(), body.GetSerial()))
	}
	return nil
}

func wantName(body *safelightv1.OverlayBody, name string) error {
	if body.GetName() != name {
		return fmt.Errorf("it holds %s", name)
	}
	return nil
}

func leaveOf(m *safelightv1.Exemptions, last term) (leave, error) {
	if n := len(m.GetExemptions()); n > maxListed {
		return nil, fmt.Errorf("%d exemptions, at most %d", n, maxListed)
	}
	var all leave
	for _, e := range m.GetExemptions() {
		if e.GetGroup() == "" || e.GetCategory() == "" || !e.GetUntil().IsValid() { // of nobody, it would be everybody's (G7)
			return nil, errors.New("an exemption without a group, a category or an end")
		}
		ends := last
		if until := e.GetUntil().AsTime(); until.Before(ends.until) {
			ends.until = until
		}
		all = append(all, exemption{group: strings.ToLower(e.GetGroup()), category: e.GetCategory(), term: ends})
	}
	return all, nil
}

func placesOf(m *safelightv1.Sites) ([]place, error) {
	if n := len(m.GetSites()); n > maxListed {
		return nil, fmt.Errorf("%d sites, at most %d", n, maxListed)
	}
	var all []place
	for _, s := range m.GetSites() {
		p := place{name: s.GetName(), unfiltered: s.GetUnfiltered()}
		for _, text := range s.GetNetworks() {
			prefix, err := netip.ParsePrefix(text)
			if err != nil {
				return nil, fmt.Errorf("site %q: network %q: %w", s.GetName(), text, err)
			}
			p.networks = append(p.networks, prefix)
		}
		for _, suffix := range s.GetResolverSuffixes() {
			p.suffixes = append(p.suffixes, strings.ToLower(suffix))
		}
		all = append(all, p)
	}
	return all, nil
}

// Exempt lists the categories from which an account in groups has leave at a
// moment: that of the observation, by all its clocks.
func (o *Overlays) Exempt(now Moment, groups []string) (categories []string) {
	for _, e := range o.view.Load().exemptions {
		in := slices.ContainsFunc(groups, func(g string) bool { return strings.EqualFold(g, e.group) })
		if in && e.grant(now) && !slices.Contains(categories, e.category) {
			categories = append(categories, e.category)
		}
	}
	return categories
}

// Periods are the words of the timetable that hold at a site; none at all means
// that they are not known.
func (o *Overlays) Periods(site string, at time.Time) []string {
	v := o.view.Load()
	if v.table == nil || !v.tableEnd.fact(at) {
		return nil
	}
	return v.words.get(v.table, site, at)
}

// wordsCache remembers the words of the minute: bells ring on the minute, and
// nearly every observation is of the one before's.
type wordsCache struct {
	mu     sync.Mutex
	minute int64
	site   string
	words  []string
}

func (c *wordsCache) get(table *timetable.Timetable, site string, at time.Time) []string {
	minute := at.Unix() / 60
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.minute != minute || c.site != site || minute == 0 {
		c.minute, c.site, c.words = minute, site, table.Words(site, at)
	}
	return c.words
}
