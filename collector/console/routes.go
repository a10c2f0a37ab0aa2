package console

import (
	"net/http"
	"slices"
	"strings"

	"safelight/collector/model"
)

// theirs says which duties a page is for. To everybody else it does not exist.
type theirs func(model.Duty) bool

func duties(list ...model.Duty) theirs {
	return func(d model.Duty) bool { return slices.Contains(list, d) }
}

var (
	everybody theirs = func(model.Duty) bool { return true }
	// safeguarding reads alerts; technicians look after devices; neither sees the
	// other's pages (G3). bothSides see numbers of devices and the weekly check,
	// which both sign.
	safeguarding = duties(model.DutyDSL, model.DutyDeputy)
	technicians  = duties(model.DutyIT)
	bothSides    = duties(model.DutyDSL, model.DutyDeputy, model.DutyIT)
)

// route is a page or a press of the console for signed-in people.
type route struct {
	pattern string // as http.ServeMux takes it
	theirs  theirs
	serve   func(http.ResponseWriter, *http.Request, viewer)
}

// routes are every way in that takes a sign-in.
func (c *Console) routes() []route {
	return slices.Concat([]route{
		{"GET /{$}", everybody, c.today},
		{"GET /a/{ref}", safeguarding, c.alert},
		{"POST /a/{ref}/take", safeguarding, c.take},
		{"POST /a/{ref}/name", safeguarding, c.showName},
		{"POST /a/{ref}/words", safeguarding, c.showWords},
	}, c.deviceRoutes(), c.checkRoutes())
}

// only serves a page to those whose it is. What is not theirs is answered with
// what does not exist is, before anything is read.
func (c *Console) only(rt route) http.Handler {
	return c.signedIn(func(w http.ResponseWriter, r *http.Request, v viewer) {
		if !rt.theirs(v.user.Duty) {
			c.notFound(w, r, v)
			return
		}
		rt.serve(w, r, v)
	})
}

// entry is a page that the navigation leads to.
type entry struct {
	Key, Path, Label string
	theirs           theirs
}

// navigation is every entry there can be; one shows where its page is built and
// is for the reader.
var navigation = []entry{
	{"today", "/", "Today", func(d model.Duty) bool { return !technicians(d) }},
	{"devices", "/devices", "Devices", technicians},
	{"coverage", "/coverage", "Coverage", bothSides},
	{"enrol", "/enrol", "Add devices", technicians},
	{"checks", "/checks", "Weekly check", bothSides},
}

// navigationOf are a duty's entries; the first is where it begins.
func (c *Console) navigationOf(d model.Duty) []entry {
	var own []entry
	for _, e := range navigation {
		if e.theirs(d) && c.serves(e.Path) {
			own = append(own, e)
		}
	}
	return own
}

// serves says whether there is a page with this very path.
func (c *Console) serves(path string) bool {
	if path == "/" {
		return true
	}
	return slices.ContainsFunc(c.routes(), func(rt route) bool { return rt.pattern == "GET "+path })
}

// deviceIDs is what a device's id is made of: 26 letters and digits.
const deviceIDs = "abcdefghijklmnopqrstuvwxyz234567"

func validDeviceID(id string) bool {
	return len(id) > 0 && len(id) <= 64 && strings.Trim(id, deviceIDs) == ""
}
