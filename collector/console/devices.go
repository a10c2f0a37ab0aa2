package console

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"safelight/collector/model"
)

// The pages of devices say what IT looks after: settings, versions, checks. They
// show no account, no site that was visited and no time at which somebody used a
// device (G3); when one was last heard from is about the device.

// devicesNamed is how many devices of a group the first page names.
const devicesNamed = 8

func (c *Console) deviceRoutes() []route {
	return []route{
		{"GET /devices", technicians, c.devicesPage},
		{"GET /devices/all", technicians, c.deviceList},
		{"GET /devices/{id}", technicians, c.device},
		{"POST /devices/{id}/revoke", technicians, c.revokeDevice},
		{"POST /devices/{id}/copies/revoke", technicians, c.revokeCopies},
		{"GET /coverage", bothSides, c.coverage},
		{"POST /coverage/expect", technicians, c.expect},
		{"GET /enrol", technicians, c.enrolForm},
		{"POST /enrol", technicians, c.enrol},
		{"POST /enrol/{token}/end", technicians, c.endToken},
	}
}

type devicesView struct {
	Caption, Headline string
	Closed            bool
	Groups            []deviceGroup
	Notes             []causeView // of several devices at once
	Ledger            []ledgerLine
	Issued            int
	Kinds             []model.LedgerCount
	All               model.LedgerCount
	Lost              string
	LostN             uint64
	Empty             bool
	Revoked           string // a device that was revoked just now
}

// deviceGroup is devices of one standing.
type deviceGroup struct {
	ID, Title string
	Mend      string // what all of them need
	Devices   []deviceLine
	More      string // where the rest of them is
	MoreText  string
}

// deviceLine is a device as a few sentences.
type deviceLine struct {
	Name, Link string
	What       string // kind, site, group
	Text       string
	Mend       string
}

// ledgerLine is one standing's part of the whole.
type ledgerLine struct {
	N          int
	Text, Link string
}

// ledger draws the ledger and puts on record that somebody looked; false: it was
// answered.
func (c *Console) ledger(w http.ResponseWriter, r *http.Request, v viewer, what string) (model.Ledger, bool) {
	if err := c.record(r.Context(), v, what, ""); err != nil {
		c.broken(w, r, err)
		return model.Ledger{}, false
	}
	l, err := c.devices.Ledger(r.Context())
	if err != nil {
		c.broken(w, r, err)
		return model.Ledger{}, false
	}
	return l, true
}

func (c *Console) devicesPage(w http.ResponseWriter, r *http.Request, v viewer) {
	l, ok := c.ledger(w, r, v, "devices")
	if !ok {
		return
	}
	view := devicesView{
		Caption: c.dated(c.now()), Headline: ledgerHeadline(l), Closed: l.Closed,
		Ledger: ledgerLines(l, true), Issued: l.Issued, Kinds: kindLines(l), All: allOf(l), Lost: lostLine(l), LostN: l.Lost, Empty: l.Issued == 0,
	}
	for _, s := range attention {
		if n := l.Counts[s]; n > 0 {
			view.Groups = append(view.Groups, c.deviceGroup(l, s, n))
		}
	}
	for _, cause := range l.Notes {
		view.Notes = append(view.Notes, c.causeView(cause))
	}
	if r.URL.Query().Get("revoked") == "1" {
		view.Revoked = "Its access has ended. It is no longer in the ledger."
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("revoked_copies")); err == nil && n > 0 && n <= 1_000_000 {
		view.Revoked = fmt.Sprintf("The access of %s has ended. They are no longer in the ledger.", plural(n, "device", "devices"))
		if n == 1 {
			view.Revoked = "The access of 1 device has ended. It is no longer in the ledger."
		}
	}
	c.render(w, r, http.StatusOK, "devices", page{Title: "Devices", Viewer: &v, Current: "devices", View: view})
}

// attention is what the first page names, the worst first.
var attention = []model.Standing{model.StandingHidden, model.StandingRemoved, model.StandingSilent, model.StandingUnproven, model.StandingNone}

func (c *Console) deviceGroup(l model.Ledger, s model.Standing, n int) deviceGroup {
	g := deviceGroup{ID: string(s), Title: groupTitle(s, n)}
	listed := 0
	for _, d := range l.Devices {
		if d.Standing != s {
			continue
		}
		if len(g.Devices) < devicesNamed {
			g.Devices = append(g.Devices, c.deviceLine(d))
			listed += d.Count
		}
	}
	g.gatherMend()
	if listed < n {
		g.More, g.MoreText = "/devices/all?stand="+string(s), "Show all "+num(n)
	}
	return g
}

// gatherMend says once what all devices of the group need.
func (g *deviceGroup) gatherMend() {
	for _, d := range g.Devices {
		if d.Mend != g.Devices[0].Mend || len(g.Devices) == 1 {
			return
		}
	}
	for i := range g.Devices {
		g.Mend, g.Devices[i].Mend = g.Devices[i].Mend, ""
	}
}

func groupTitle(s model.Standing, n int) string {
	devices := plural(n, "device", "devices")
	is := map[bool]string{true: "is", false: "are"}[n == 1]
	switch s {
	case model.StandingHidden:
		return devices + map[bool]string{true: " hides what it looks up", false: " hide what they look up"}[n == 1]
	case model.StandingRemoved:
		return devices + " said that Safelight was removed"
	case model.StandingSilent:
		return devices + " " + is + " silent"
	case model.StandingUnproven:
		return devices + " " + is + " enrolled and not proven"
	}
	return devices + " " + is + " not monitored"
}

func (c *Console) deviceLine(d model.LedgerDevice) deviceLine {
	line := deviceLine{Name: deviceName(d), What: c.deviceWhat(d)}
	if d.ID != "" {
		line.Link = "/devices/" + url.PathEscape(d.ID)
	}
	var mends []string
	for i, cause := range told(d) {
		if i > 0 {
			line.Text += " "
		}
		line.Text += cause.Text
		if cause.Mend != "" && !slices.Contains(mends, cause.Mend) {
			mends = append(mends, cause.Mend)
		}
	}
	line.Mend = strings.Join(mends, " ")
	return line
}

// told are the causes that keep a device from being proven.
func told(d model.LedgerDevice) []model.Cause {
	return slices.DeleteFunc(slices.Clone(d.Causes), func(c model.Cause) bool { return !c.Unproves })
}

func deviceName(d model.LedgerDevice) string {
	switch {
	case d.Count != 1:
		return plural(d.Count, "device", "devices")
	case d.Name != "":
		return d.Name
	case d.Serial != "":
		return d.Serial
	case d.ID != "":
		return "Device without a name"
	}
	return "One"
}

// deviceWhat is "Windows, trolley B. Last heard from on Thursday 19:05."
func (c *Console) deviceWhat(d model.LedgerDevice) string {
	parts := []string{kindWord(d.Kind, d.Count)}
	for _, p := range []string{d.Site, d.Group} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	what := strings.Join(parts, ", ") + "."
	if d.ID != "" && !d.LastSeen.IsZero() && !d.Today {
		what += " Last heard from " + on(when(d.LastSeen, c.now(), c.zone)) + "."
	}
	return what
}

// on puts a preposition before a time as `when` writes it.
func on(at string) string {
	switch {
	case len(at) == len("15:04"):
		return "at " + at
	case strings.HasPrefix(at, "at "):
		return at
	}
	return "on " + at
}

var kindNames = map[model.Kind][2]string{
	model.KindWindows: {"Windows", "Windows"}, model.KindMac: {"Mac", "Macs"}, model.KindLinux: {"Linux", "Linux"},
	model.KindChromebook: {"Chromebook", "Chromebooks"}, model.KindTablet: {"Tablet", "Tablets"}, model.KindPhone: {"Phone", "Phones"},
	model.KindGuest: {"Guest’s or personal device", "Guests’ and personal devices"}, model.KindOther: {"Other device", "Other devices"},
}

func kindWord(k model.Kind, n int) string {
	names, ok := kindNames[k]
	if !ok {
		return capital(string(k))
	}
	if n == 1 {
		return names[0]
	}
	return names[1]
}

func ledgerHeadline(l model.Ledger) string {
	if l.Issued == 0 {
		return "No devices yet"
	}
	return fmt.Sprintf("%s of %s proven to be monitored", num(l.Counts[model.StandingProven]), plural(l.Issued, "device is", "devices are"))
}

var ledgerWords = map[model.Standing]string{
	model.StandingProven: "proven this week", model.StandingUnproven: "enrolled, not proven", model.StandingHidden: "heard from, but hiding what they look up",
	model.StandingSilent: "silent", model.StandingRemoved: "said that Safelight was removed", model.StandingOff: "off since the school closed",
	model.StandingLog: "seen by a network log only", model.StandingNone: "not monitored",
}

// standingWords say it of one device.
var standingWords = map[model.Standing]string{
	model.StandingProven: "Proven this week", model.StandingUnproven: "Enrolled, not proven", model.StandingHidden: "Hides what it looks up",
	model.StandingSilent: "Silent", model.StandingRemoved: "Safelight was removed", model.StandingOff: "Off, school is closed",
	model.StandingLog: "By a network log only", model.StandingNone: "Not monitored",
}

// ledgerLines add up to what is issued; to IT each leads to its devices.
func ledgerLines(l model.Ledger, links bool) (lines []ledgerLine) {
	for _, s := range model.Standings {
		if n := l.Counts[s]; n > 0 || s == model.StandingProven {
			line := ledgerLine{N: n, Text: ledgerWords[s]}
			if links && n > 0 {
				line.Link = "/devices/all?stand=" + string(s)
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func kindLines(l model.Ledger) []model.LedgerCount {
	lines := slices.Clone(l.Kinds)
	for i := range lines {
		lines[i].Name = kindWord(model.Kind(lines[i].Name), 2)
	}
	return lines
}

func allOf(l model.Ledger) model.LedgerCount {
	all := model.LedgerCount{Name: "All"}
	for _, k := range l.Kinds {
		all.Issued += k.Issued
		all.Today += k.Today
		all.Proven += k.Proven
		all.Log += k.Log
		all.None += k.None
	}
	return all
}

// lostLine says whether anything is missing between the devices and here.
func lostLine(l model.Ledger) string {
	line := "Each record is stored here, or still on its device."
	if l.Lost > 0 {
		line = "Neither stored here nor on the device. Tell whoever looks after the server."
	}
	if l.LetGo > 0 {
		line += fmt.Sprintf(" %s more were let go by devices whose store was full, and which said so.", num(l.LetGo))
	}
	return line
}

type deviceListView struct {
	Headline   string
	Query      string
	Stand      string
	Standings  []standingChoice
	Rows       []deviceRow
	Prev, Next string
	Page       string // "Page 2 of 21"; empty: there is one
}

type standingChoice struct {
	Value, Text string
	Selected    bool
}

type deviceRow struct {
	Name, Link, Kind, Place, Standing, Heard string
}

// deviceList is every device of the ledger, filtered and a page at a time.
func (c *Console) deviceList(w http.ResponseWriter, r *http.Request, v viewer) {
	q := r.URL.Query()
	from, err := rowsFrom(q.Get("from"))
	if err != nil {
		c.notFound(w, r, v)
		return
	}
	l, ok := c.ledger(w, r, v, "devices")
	if !ok {
		return
	}
	stand, query := q.Get("stand"), strings.TrimSpace(q.Get("q"))
	var found []model.LedgerDevice
	n := 0
	for _, d := range l.Devices {
		if (stand == "" || string(d.Standing) == stand) && matches(d, query) {
			found = append(found, d)
			n += d.Count
		}
	}
	view := deviceListView{Query: query, Stand: stand, Headline: fmt.Sprintf("%s of %s", num(n), plural(l.Issued, "device", "devices"))}
	for _, s := range model.Standings {
		view.Standings = append(view.Standings, standingChoice{string(s), standingWords[s], string(s) == stand})
	}
	from = min(from, len(found))
	to := min(from+rowsShown, len(found))
	for _, d := range found[from:to] {
		view.Rows = append(view.Rows, c.deviceRow(d))
	}
	at := func(n int) string {
		return "/devices/all?" + url.Values{"stand": {stand}, "q": {query}, "from": {strconv.Itoa(n)}}.Encode()
	}
	if from > 0 || to < len(found) {
		view.Page = fmt.Sprintf("Page %s of %s", num(from/rowsShown+1), num((len(found)+rowsShown-1)/rowsShown))
	}
	if from > 0 {
		view.Prev = at(max(0, from-rowsShown))
	}
	if to < len(found) {
		view.Next = at(to)
	}
	c.render(w, r, http.StatusOK, "device-list", page{Title: "All devices", Viewer: &v, Current: "devices", View: view})
}

func matches(d model.LedgerDevice, query string) bool {
	query = strings.ToLower(query)
	return query == "" || slices.ContainsFunc([]string{d.Name, d.Serial, d.Site, d.Group, d.ID, kindWord(d.Kind, 1)}, func(s string) bool {
		return strings.Contains(strings.ToLower(s), query)
	})
}

func (c *Console) deviceRow(d model.LedgerDevice) deviceRow {
	row := deviceRow{Name: deviceName(d), Kind: kindWord(d.Kind, d.Count), Place: cmp.Or(strings.Join(slices.DeleteFunc([]string{d.Site, d.Group}, func(s string) bool { return s == "" }), ", "), "None"), Standing: standingWords[d.Standing], Heard: "Never"}
	if d.ID != "" {
		row.Link = "/devices/" + url.PathEscape(d.ID)
	} else {
		row.Heard = "No agent"
	}
	if !d.LastSeen.IsZero() {
		row.Heard = when(d.LastSeen, c.now(), c.zone)
	}
	return row
}

// findDevice finds an enrolled device in the ledger.
func findDevice(l model.Ledger, id string) (model.LedgerDevice, bool) {
	i := slices.IndexFunc(l.Devices, func(d model.LedgerDevice) bool { return d.ID == id && id != "" })
	if i < 0 {
		return model.LedgerDevice{}, false
	}
	return l.Devices[i], true
}

func (c *Console) revokeDevice(w http.ResponseWriter, r *http.Request, v viewer) {
	l, ok := c.ledger(w, r, v, "devices")
	if !ok {
		return
	}
	d, ok := findDevice(l, r.PathValue("id"))
	if !ok {
		c.notFound(w, r, v)
		return
	}
	switch err := c.devices.Revoke(r.Context(), d.ID); {
	case errors.Is(err, model.ErrNotFound):
		c.notFound(w, r, v)
	case err != nil:
		c.broken(w, r, fmt.Errorf("revoking a device: %w", err))
	default:
		http.Redirect(w, r, "/devices?revoked=1", http.StatusSeeOther)
	}
}

// healthShown is how far back, and how many, events of a device are shown.
const (
	healthShown = 30 * 24 * time.Hour
	healthMost  = 50
)
