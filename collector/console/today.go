package console

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

const (
	// rowsShown bounds a page; urgent alerts are always all there.
	rowsShown = 50
	// takenFor is how long an alert that somebody has stays on the page.
	takenFor = 30 * 24 * time.Hour
	week     = 7 * 24 * time.Hour
)

type todayView struct {
	Caption  string
	Headline string
	Lead     string
	Empty    bool
	Urgent   []row
	Rest     []row
	RestAll  int
	Taken    []row
	More     string // where the rows after these are
	Week     *weekView
}

type weekView struct {
	Alerts string
	Read   string
}

// row is an alert as one sentence.
type row struct {
	Ref, Severity     string
	Who, Device, What string
	When, WhenNote    string
	State, More, Told string
	Name              nameView
	Open, Main        bool // Main carries the page's one main action
}

func (c *Console) today(w http.ResponseWriter, r *http.Request, v viewer) {
	if technicians(v.user.Duty) {
		http.Redirect(w, r, "/devices", http.StatusSeeOther)
		return
	}
	from, err := rowsFrom(r.URL.Query().Get("from"))
	if err != nil {
		c.notFound(w, r, v)
		return
	}
	c.showToday(w, r, v, from, "")
}

// rowsFrom reads which row the page starts at.
func rowsFrom(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("reading the first row: %q is not a count", s)
	}
	return n, nil
}

// showToday writes the inbox, with the name of one alert uncovered where that
// has been asked for and recorded.
func (c *Console) showToday(w http.ResponseWriter, r *http.Request, v viewer, from int, shown string) {
	if !v.mayRead() {
		c.noDuty(w, r, v)
		return
	}
	if err := c.record(r.Context(), v, "inbox", ""); err != nil {
		c.broken(w, r, err)
		return
	}
	alerts, err := c.store.AlertsFor(r.Context(), c.school, v.user, time.Time{})
	if err != nil {
		c.broken(w, r, fmt.Errorf("listing alerts: %w", err))
		return
	}
	view, err := c.reader(r.Context(), v).today(alerts, from, shown)
	if err != nil {
		c.broken(w, r, err)
		return
	}
	c.render(w, r, http.StatusOK, "today", page{Title: "Today", Viewer: &v, Current: "today", Lead: view.Empty, View: view})
}

func (rd *reader) today(alerts []model.Alert, from int, shown string) (todayView, error) {
	urgent, rest, taken := sorted(alerts, rd.now)
	view := todayView{
		Caption:  rd.now.In(rd.c.zone).Format("Monday 2 January, 15:04"),
		Headline: headline(urgent, rest, taken),
		Empty:    len(urgent)+len(rest) == 0,
		RestAll:  len(rest),
		Week:     rd.lastWeek(alerts),
	}
	if view.Empty && len(taken) > 0 {
		view.Lead = plural(len(taken), "alert is", "alerts are") + " being dealt with."
	}
	shownRest := page50(rest, from)
	if next := from + len(shownRest); len(shownRest) > 0 && next < len(rest) {
		view.More = "/?from=" + strconv.Itoa(next)
	}
	for _, part := range []struct {
		alerts []model.Alert
		rows   *[]row
	}{{urgent, &view.Urgent}, {shownRest, &view.Rest}, {page50(taken, 0), &view.Taken}} {
		for _, a := range part.alerts {
			row, err := rd.row(a, shown)
			if err != nil {
				return todayView{}, err
			}
			*part.rows = append(*part.rows, row)
		}
	}
	if len(view.Urgent) > 0 {
		view.Urgent[0].Main = true
	}
	return view, nil
}

// page50 is the part of the list that fits on a page.
func page50(alerts []model.Alert, from int) []model.Alert {
	from = min(from, len(alerts))
	return alerts[from:min(from+rowsShown, len(alerts))]
}

// sorted parts the alerts by what they ask of the reader: now, today, nothing
// more. The worst come first, then the unread, then the newest.
func sorted(alerts []model.Alert, now time.Time) (urgent, rest, taken []model.Alert) {
	for _, a := range alerts {
		switch {
		case !a.Acknowledged.IsZero():
			if now.Sub(a.Acknowledged) < takenFor {
				taken = append(taken, a)
			}
		case a.Severity == event.Urgent:
			urgent = append(urgent, a)
		default:
			rest = append(rest, a)
		}
	}
	byNeed := func(a, b model.Alert) int {
		return cmp.Or(
			cmp.Compare(b.Severity, a.Severity),
			cmp.Compare(unread(b), unread(a)),
			b.Raised.Compare(a.Raised),
			cmp.Compare(a.Ref, b.Ref),
		)
	}
	slices.SortFunc(urgent, byNeed)
	slices.SortFunc(rest, byNeed)
	slices.SortFunc(taken, func(a, b model.Alert) int {
		return cmp.Or(b.Acknowledged.Compare(a.Acknowledged), cmp.Compare(a.Ref, b.Ref))
	})
	return urgent, rest, taken
}

func unread(a model.Alert) int {
	if a.FirstRead.IsZero() {
		return 1
	}
	return 0
}

// headline is the answer to the page's question.
func headline(urgent, rest, taken []model.Alert) string {
	switch {
	case len(urgent) > 0:
		return countLine(urgent, "urgent alert", "urgent alerts")
	case len(rest) > 0:
		return countLine(rest, "alert", "alerts")
	case len(taken) > 0:
		return "No alerts waiting"
	}
	return "No alerts"
}

func countLine(alerts []model.Alert, one, many string) string {
	n, fresh := len(alerts), 0
	for _, a := range alerts {
		fresh += unread(a)
	}
	line := plural(n, one, many)
	switch {
	case fresh == n:
		return line + ", not read yet"
	case fresh > 0:
		return fmt.Sprintf("%s, %d not read yet", line, fresh)
	case n == 1:
		return line + ", nobody has taken it on yet"
	}
	return line + ", nobody has taken them on yet"
}

func (rd *reader) row(a model.Alert, shown string) (row, error) {
	s, err := rd.story(a)
	if err != nil {
		return row{}, err
	}
	state, err := rd.state(a)
	if err != nil {
		return row{}, err
	}
	out := row{
		Ref: a.Ref, Severity: a.Severity.String(),
		Open: a.Acknowledged.IsZero(),
		Who:  shortWho(s.subject, s.lead.Via), Device: s.device, What: whatSeen(s.lead, s.cat.Noun),
		When: when(a.First, rd.now, rd.c.zone), State: state,
		More: times(a.Events) + " " + caveat(s.lead),
		Name: rd.name(s, "today", shown),
	}
	if out.Open && a.Severity == event.Urgent {
		if out.Told, err = rd.told(a); err != nil {
			return row{}, err
		}
	}
	if a.Late {
		out.WhenNote = "arrived late"
		out.More = times(a.Events) + " " + cameLate(s.lead, arrived(s, rd)) + " " + caveat(s.lead)
	}
	return out, nil
}

// told says, on an urgent row, who knows of it.
func (rd *reader) told(a model.Alert) (string, error) {
	notes, err := rd.c.store.Notifications(rd.ctx, rd.c.school, a.Ref)
	if err != nil {
		return "", fmt.Errorf("reading who was told: %w", err)
	}
	you, others := false, map[string]bool{}
	for _, n := range notes {
		switch {
		case n.Accepted.IsZero():
		case n.User == rd.v.user.ID:
			you = true
		default:
			others[n.User] = true
		}
	}
	at := when(model.FirstAccepted(notes), rd.now, rd.c.zone)
	switch n := len(others); {
	case you && n > 0:
		return "You and " + plural(n, "other", "others") + " were mailed at " + at + ".", nil
	case you:
		return "You were mailed at " + at + ", nobody else yet.", nil
	case n > 0:
		return "Mailed to " + plural(n, "other", "others") + " at " + at + ", not to you yet.", nil
	}
	return "No mail about it has been accepted yet.", nil
}

// arrived says when a late event reached the collector.
func arrived(s story, rd *reader) string {
	at := when(s.lead.Received, rd.now, rd.c.zone)
	if len(at) == len("15:04") {
		return "at " + at
	}
	return at
}

// lastWeek says how much there was, in whole numbers: averages of so few would
// mean nothing.
func (rd *reader) lastWeek(alerts []model.Alert) *weekView {
	n, same := 0, 0
	for _, a := range alerts {
		if rd.now.Sub(a.Raised) >= week {
			continue
		}
		n++
		if !a.FirstRead.IsZero() && daysBetween(a.Raised.In(rd.c.zone), a.FirstRead.In(rd.c.zone)) == 0 {
			same++
		}
	}
	if n == 0 {
		return nil
	}
	return &weekView{Alerts: plural(n, "alert", "alerts"), Read: fmt.Sprintf("%d of %d", same, n)}
}
