package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"safelight/collector/model"
)

// Checks is the ledger of weekly checks. Its refusals are a model.CheckRefusedError,
// whose words are for the person.
type Checks interface {
	ThisWeek() string
	Week(ctx context.Context, week string) (model.CheckWeek, error)
	Record(ctx context.Context, by model.User, r model.CheckRecord) (model.CheckRecord, error)
	Sign(ctx context.Context, by model.User, week, words string) (model.CheckSignature, error)
	Request(ctx context.Context, by string, within time.Duration) (model.CheckRequest, error)
	// RequestOf has one device check itself at once.
	RequestOf(ctx context.Context, by, device string) (model.CheckRequest, error)
}

// checkRoutes are the weekly check's: both sides see it and sign it (G19). It
// holds nothing about pupils.
func (c *Console) checkRoutes() []route {
	if c.checks == nil {
		return nil
	}
	return []route{
		{"GET /checks", bothSides, c.thisWeek},
		{"GET /checks/{week}", bothSides, c.weekOf},
		{"POST /checks/{week}/sign", bothSides, c.signWeek},
		{"POST /checks/{week}/record", bothSides, c.recordCheck},
		{"POST /checks/request", technicians, c.requestChecks},
		{"POST /devices/{id}/check", technicians, c.checkDevice},
	}
}

func (c *Console) thisWeek(w http.ResponseWriter, r *http.Request, v viewer) {
	c.showWeek(w, r, http.StatusOK, v, c.checks.ThisWeek(), nil, typedCheck{})
}

func (c *Console) weekOf(w http.ResponseWriter, r *http.Request, v viewer) {
	c.showWeek(w, r, http.StatusOK, v, r.PathValue("week"), nil, typedCheck{})
}

// showWeek writes a week's page. What does not exist, or has not come, is nothing.
func (c *Console) showWeek(w http.ResponseWriter, r *http.Request, status int, v viewer, name string, problems []problem, typed typedCheck) {
	from, _, err := model.WeekSpan(name, c.zone)
	if err != nil || from.After(c.now()) {
		c.notFound(w, r, v)
		return
	}
	week, err := c.checks.Week(r.Context(), name)
	if err != nil {
		c.broken(w, r, fmt.Errorf("gathering a week's check: %w", err))
		return
	}
	view := c.weekView(week, v, typed)
	view.Problems, view.Said = problems, saidOfWeek[r.URL.RawQuery]
	c.render(w, r, status, "checks", page{Title: "Weekly check", Viewer: &v, Current: "checks", Problems: problems, View: view})
}

func (c *Console) signWeek(w http.ResponseWriter, r *http.Request, v viewer) {
	if err := r.ParseForm(); err != nil {
		c.badForm(w, r)
		return
	}
	name := r.PathValue("week")
	_, err := c.checks.Sign(r.Context(), v.user, name, r.PostForm.Get("note"))
	c.afterPress(w, r, v, name, err, typedCheck{}, "signed")
}

// typedCheck is what somebody typed, shown again where it was refused.
type typedCheck struct {
	Kind, What, Group, Account, Site, Told, Found, Done string
	Worked                                              string // "yes", "no" or, of what was not tried, nothing
}

// In is which of the page's forms it was typed into: each asks for no more than
// its kind needs. It begins the id of each of the form's fields.
func (t typedCheck) In() string {
	switch model.RecordKind(t.Kind) {
	case model.RecordAction:
		return "act"
	case model.RecordFeedback:
		return "ask"
	case model.RecordFilter, model.RecordMonitor:
		return "try"
	}
	return ""
}

// field is where on the page something that was refused is mended. What no form has is
// about the signatures, and so is a press that came with no form.
func (t typedCheck) field(name string) string {
	if t.In() != "" && name != "as" && name != "week" {
		return t.In() + "-" + name
	}
	switch name {
	case "done":
		return "act-done" // a signature waits for it
	case "note":
		return name
	}
	return "si"
}

func (c *Console) recordCheck(w http.ResponseWriter, r *http.Request, v viewer) {
	if err := r.ParseForm(); err != nil {
		c.badForm(w, r)
		return
	}
	f := r.PostForm
	typed := typedCheck{
		Kind: f.Get("kind"), What: f.Get("what"), Group: f.Get("group"), Account: f.Get("account"), Site: f.Get("site"),
		Told: f.Get("told"), Found: f.Get("found"), Done: f.Get("done"), Worked: f.Get("worked"),
	}
	name := r.PathValue("week")
	if typed.In() == "try" && typed.Worked != "yes" && typed.Worked != "no" {
		err := &model.CheckRefusedError{Field: "worked", Text: "say whether it did what it should"}
		c.afterPress(w, r, v, name, err, typed, "")
		return
	}
	_, err := c.checks.Record(r.Context(), v.user, model.CheckRecord{
		Week: name, Kind: model.RecordKind(typed.Kind), What: typed.What, Group: typed.Group, Account: typed.Account, Site: typed.Site,
		Worked: typed.Worked == "yes", Told: typed.Told, Found: typed.Found, Done: typed.Done,
	})
	c.afterPress(w, r, v, name, err, typed, "written")
}

func (c *Console) requestChecks(w http.ResponseWriter, r *http.Request, v viewer) {
	_, err := c.checks.Request(r.Context(), v.user.ID, 0)
	c.afterPress(w, r, v, c.checks.ThisWeek(), err, typedCheck{}, "asked")
}

// checkDevice has one device check itself at once.
func (c *Console) checkDevice(w http.ResponseWriter, r *http.Request, v viewer) {
	d, err := c.deviceAt(r)
	switch {
	case errors.Is(err, model.ErrNotFound):
		c.notFound(w, r, v)
		return
	case err == nil && d.Revoked.IsZero(): // one that was revoked says so on its page
		_, err = c.checks.RequestOf(r.Context(), v.user.ID, d.ID)
	}
	if err != nil {
		c.broken(w, r, fmt.Errorf("having a device checked: %w", err))
		return
	}
	http.Redirect(w, r, "/devices/"+d.ID+"?asked", http.StatusSeeOther)
}

// saidOfWeek answers a press, at the top of the page that it leads to.
var saidOfWeek = map[string]string{
	"signed": "Your signature is kept.", "written": "It is written down below.", "asked": "The devices are asked to check themselves now.",
}

// afterPress shows the week again: as it is now, with a word on what was done, or
// with what was wrong.
func (c *Console) afterPress(w http.ResponseWriter, r *http.Request, v viewer, week string, err error, typed typedCheck, said string) {
	var refused *model.CheckRefusedError
	switch {
	case err == nil:
		http.Redirect(w, r, "/checks/"+week+"?"+said, http.StatusSeeOther)
	case errors.As(err, &refused):
		c.showWeek(w, r, http.StatusUnprocessableEntity, v, week, []problem{{typed.field(refused.Field), capital(refused.Text) + "."}}, typed)
	default:
		c.broken(w, r, err)
	}
}
