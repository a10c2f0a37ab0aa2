package console

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"safelight/collector/model"
)

// devicesShown bounds each list of devices on a week's page.
const devicesShown = 50

type checkView struct {
	Week, Caption, Headline, Lead string
	Said                          string // what the reader's press did
	Current                       bool
	Passed, Failed, None, All     int
	Sides                         []sideView
	MaySign                       bool   // and it is the page's one main action
	SignFirst                     string // what to do before signing
	FailedOn                      []failedView
	FailedMore, SilentMore        int
	Silent                        []silentView
	Reviews, Hides                []string
	LastWeek                      string // who has not signed it
	Sites, Systems                []model.CheckedGroup
	Users                         []usersView
	Written                       []writtenView
	Filter                        []failedView
	Request                       string
	MayRequest                    bool
	Before, After                 string // weeks
	Typed                         typedCheck
	Form                          string // the form that is open: "act", "ask", "try" or none
	Kinds, Groups                 []option
	Problems                      []problem
}

type sideView struct {
	Title, Line, Note string
	Signed            bool
}

type failedView struct {
	Name, Link, Where string // Link is for those who may open a device's page
	Lines             []string
}

type silentView struct{ Name, Link string }

type usersView struct{ Group, Filter, Monitor string }

type writtenView struct{ When, Title, Line, Done string }

type option struct {
	Value, Label string
	Chosen       bool
}

func (c *Console) weekView(w model.CheckWeek, v viewer, typed typedCheck) checkView {
	view := checkView{
		Week: w.Week, Caption: "Week of Monday " + w.From.In(c.zone).Format("2 January 2006"), Current: w.Week == c.checks.ThisWeek(),
		Sites: named(w.Sites, "No site given"), Systems: named(w.Systems, "Not known"), Typed: typed, MayRequest: technicians(v.user.Duty),
		Before: model.WeekOf(w.From.In(c.zone).AddDate(0, 0, -7)),
	}
	if !view.Current {
		view.After = model.WeekOf(w.From.In(c.zone).AddDate(0, 0, 7))
	}
	view.All, view.Passed, view.Failed, view.None = w.Counts()
	view.Headline, view.Lead = checkHeadline(view)
	c.signing(&view, w, v)
	c.devicesOf(&view, w)
	for _, r := range w.Reviews {
		view.Reviews = append(view.Reviews, c.reviewLine(r))
	}
	for _, h := range w.Hides {
		view.Hides = append(view.Hides, fmt.Sprintf("%s, on %s", capital(h.What), plural(h.Devices, "device", "devices")))
	}
	view.LastWeek = lastWeekLine(w)
	for _, u := range w.Users {
		view.Users = append(view.Users, usersView{capital(u.Group), triedLine(u.Filter), triedLine(u.Monitor)})
	}
	for _, r := range slices.Backward(w.Records) {
		view.Written = append(view.Written, c.written(r, w.Names[r.By]))
	}
	view.Request = c.requestLine(w)
	if view.Form = typed.In(); view.Form == "" && view.SignFirst != "" {
		view.Form = "act"
	}
	view.Kinds = options(typed.Kind, [][2]string{{"filter", "The filter"}, {"monitor", "Monitoring, by hand"}})
	view.Groups = options(typed.Group, [][2]string{{"", "Safelight itself"}, {"pupils", "A pupil’s test account"}, {"staff", "A member of staff’s test account"}, {"guests", "A guest’s test account"}})
	return view
}

func options(chosen string, all [][2]string) []option {
	var out []option
	for _, o := range all {
		out = append(out, option{o[0], o[1], o[0] == chosen})
	}
	return out
}

func named(groups []model.CheckedGroup, none string) []model.CheckedGroup {
	groups = slices.Clone(groups)
	for i := range groups {
		groups[i].Name = cmp.Or(systemNames[groups[i].Name], groups[i].Name, none)
	}
	return groups
}

// checkHeadline is the answer to the page's question: does it work everywhere?
func checkHeadline(v checkView) (headline, lead string) {
	switch {
	case v.All == 0:
		return "No device is enrolled", "There is nothing to check yet."
	case v.Passed == v.All:
		headline = "All " + plural(v.All, "device", "devices") + " passed"
		if v.All == 1 {
			headline = "The one device passed"
		}
	default:
		headline = fmt.Sprintf("%s of %s passed", num(v.Passed), plural(v.All, "device", "devices"))
		if v.Current && v.None > 0 {
			headline = fmt.Sprintf("%s of %s %s passed so far", num(v.Passed), plural(v.All, "device", "devices"), map[bool]string{true: "has", false: "have"}[v.All == 1])
		}
	}
	return headline, "Passed means: a made-up visit and a program of Safelight’s own, tried on the device, were seen there and arrived here. It is about devices, not about anybody who uses them."
}

// signing says who has signed, and what the reader may do.
func (c *Console) signing(view *checkView, w model.CheckWeek, v viewer) {
	for _, side := range []struct {
		side  model.CheckSide
		title string
	}{{model.SideIT, "IT"}, {model.SideSafeguarding, "Safeguarding"}} {
		one := sideView{Title: side.title, Line: "Not signed yet."}
		if s, ok := w.SignedBy(side.side); ok {
			one.Signed, one.Note = true, s.Note
			one.Line = fmt.Sprintf("%s, %s: “%s.”", w.Names[s.By], c.dated(s.At), s.Summary)
			if later := arrivedAfter(w, s.At); later > 0 {
				one.Line += fmt.Sprintf(" %s since then.", plural(later, "check has arrived", "checks have arrived"))
			}
		}
		view.Sides = append(view.Sides, one)
		if model.SideOf(v.user.Duty) != side.side || one.Signed {
			continue
		}
		view.MaySign = !w.Trouble() || w.ActedOn()
		if !view.MaySign {
			view.SignFirst = "Before you sign: write below what was done about what failed or was not checked, or who will do it by when."
		}
	}
}

// lastWeekLine says who has not signed the week before, if there was anything to
// sign.
func lastWeekLine(w model.CheckWeek) string {
	missing := map[model.CheckSide]bool{model.SideIT: true, model.SideSafeguarding: true}
	for _, s := range w.Before {
		delete(missing, s.Side)
	}
	switch {
	case len(missing) == 0 || !slices.ContainsFunc(w.Devices, func(d model.CheckedDevice) bool { return d.Enrolled.Before(w.From) }):
		return ""
	case len(missing) == 2:
		return "The week before is signed by nobody."
	case missing[model.SideIT]:
		return "The week before is not signed by IT."
	}
	return "The week before is not signed by safeguarding."
}

func arrivedAfter(w model.CheckWeek, at time.Time) (n int) {
	for _, d := range w.Devices {
		if d.Check.Received.After(at) {
			n++
		}
	}
	return n
}

func (c *Console) devicesOf(view *checkView, w model.CheckWeek) {
	names := map[string]string{}
	link := func(id string) string {
		if !view.MayRequest || id == "" {
			return ""
		}
		return "/devices/" + url.PathEscape(id)
	}
	for _, d := range w.Devices {
		names[d.ID] = d.Name
		switch {
		case d.State == model.CheckFailed && len(view.FailedOn) < devicesShown:
			view.FailedOn = append(view.FailedOn, failedView{Name: d.Name, Link: link(d.ID), Where: d.Site, Lines: d.Check.Amiss()})
		case d.State == model.CheckFailed:
			view.FailedMore++
		case d.State == model.CheckNone && len(view.Silent) < devicesShown:
			view.Silent = append(view.Silent, silentView{d.Name, link(d.ID)})
		case d.State == model.CheckNone:
			view.SilentMore++
		}
	}
	for _, f := range w.Filter {
		one := failedView{Name: names[f.Device], Link: link(f.Device), Where: fmt.Sprintf("Tried by Safelight itself, %s. Told beforehand: %s", "on "+c.dated(f.Received), sentence(f.Told))}
		for _, r := range f.Results {
			one.Lines = append(one.Lines, model.SayResult(r))
		}
		view.Filter = append(view.Filter, one)
	}
}

func (c *Console) reviewLine(r model.ReviewGroup) string {
	on := " on " + plural(r.Devices, "device", "devices")
	at := r.Raised.In(c.zone).Format("Monday 2 January, 15:04")
	switch r.What {
	case "network":
		return fmt.Sprintf("The networks of site %s were changed on %s.", r.Now, at)
	case "new-network":
		return fmt.Sprintf("A network at site %s that was not met before%s, since %s.", r.Now, on, at)
	case "browser":
		return fmt.Sprintf("A browser that was not there before: %s%s, since %s.", r.Now, on, at)
	}
	return fmt.Sprintf("A new system version: %s, before %s%s, since %s.", r.Now, r.Was, on, at)
}

// triedLine says what was tried as one kind of accounts.
func triedLine(records []model.CheckRecord) string {
	worked := 0
	for _, r := range records {
		if r.Worked {
			worked++
		}
	}
	switch n := len(records); {
	case n == 0:
		return "Not tried"
	case n == 1 && worked == 1:
		return "Worked, tried once"
	case worked == n:
		return fmt.Sprintf("Worked, tried %d times", n)
	default:
		return fmt.Sprintf("Did not work, %d of %s", n-worked, plural(n, "try", "tries"))
	}
}

func (c *Console) written(r model.CheckRecord, by string) writtenView {
	title := map[model.RecordKind]string{
		model.RecordFilter: "Filter tried", model.RecordMonitor: "Monitoring tried", model.RecordFeedback: "Staff asked", model.RecordAction: "Done",
	}[r.Kind]
	var line []string
	if r.Kind == model.RecordFilter || r.Kind == model.RecordMonitor {
		title += ", worked"
		if !r.Worked {
			title = strings.TrimSuffix(title, ", worked") + ", did not work"
		}
		as := "as Safelight itself"
		if r.Account != "" {
			as = "as " + r.Account + ", for " + r.Group
		}
		line = append(line, capital(as)+".")
	}
	line = append(line, sentence(r.What))
	if r.Site != "" {
		line = append(line, sentence("At "+r.Site))
	}
	if r.Found != "" {
		line = append(line, sentence(r.Found))
	}
	if r.Told != "" {
		line = append(line, sentence("Told beforehand: "+r.Told))
	}
	done := ""
	if r.Done != "" {
		done = sentence(r.Done)
	}
	return writtenView{When: c.dated(r.At) + ", " + by, Title: title, Line: strings.Join(line, " "), Done: done}
}

func (c *Console) requestLine(w model.CheckWeek) string {
	if w.Request.ID == "" {
		return "Devices check themselves once a week, each at a time of its own."
	}
	return fmt.Sprintf("Asked %s: %d of %s answered. Those that were away are asked when they come, for a day.",
		when(w.Request.At, c.now(), c.zone), w.Answered, plural(len(w.Devices), "device has", "devices have"))
}
