package console

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"safelight/collector/model"
)

type coverageView struct {
	Caption, Headline string
	Closed            bool
	Ledger            []ledgerLine
	Issued            int
	Kinds, Sites      []model.LedgerCount
	All               model.LedgerCount
	Lost              string
	LostN             uint64
	Exports           []string
	Expected          []string
	IT                bool // may type numbers
	Form              expectForm
	Problems          []problem
}

// expectForm is a number of devices as it was typed.
type expectForm struct {
	Kind, Site, Count string
	InLog             bool
	Kinds, SiteNames  []string
	KindNames         map[string]string
	Saved             bool
}

// coverage is the ledger in numbers: for IT, and for those who are answerable for
// safeguarding, read only. It names no device.
func (c *Console) coverage(w http.ResponseWriter, r *http.Request, v viewer) {
	c.showCoverage(w, r, v, http.StatusOK, expectForm{Kind: string(model.KindTablet), Saved: r.URL.Query().Has("saved")}, nil)
}

func (c *Console) showCoverage(w http.ResponseWriter, r *http.Request, v viewer, status int, form expectForm, problems []problem) {
	l, ok := c.ledger(w, r, v, "coverage")
	if !ok {
		return
	}
	it := technicians(v.user.Duty)
	view := coverageView{
		Caption: c.dated(c.now()), Headline: ledgerHeadline(l), Closed: l.Closed, Ledger: ledgerLines(l, it), Issued: l.Issued,
		Kinds: kindLines(l), Sites: siteLines(l), All: allOf(l), Lost: lostLine(l), LostN: l.Lost, IT: it, Form: form, Problems: problems,
	}
	for _, i := range l.Inventories {
		view.Exports = append(view.Exports, fmt.Sprintf("%s (%s), taken over %s.", capital(i.Source), i.Name, "on "+c.dated(i.At)))
	}
	expected, err := c.devices.Expected(r.Context())
	if err != nil {
		c.broken(w, r, err)
		return
	}
	for _, e := range expected {
		view.Expected = append(view.Expected, expectedLine(e))
	}
	if it {
		sites, err := c.siteNames(r)
		if err != nil {
			c.broken(w, r, err)
			return
		}
		view.Form.SiteNames = sites
		view.Form.KindNames = map[string]string{}
		for _, k := range model.Kinds {
			view.Form.Kinds = append(view.Form.Kinds, string(k))
			view.Form.KindNames[string(k)] = kindWord(k, 2)
		}
	}
	c.render(w, r, status, "coverage", page{Title: "Coverage", Viewer: &v, Current: "coverage", Problems: problems, View: view})
}

func siteLines(l model.Ledger) []model.LedgerCount {
	lines := slices.Clone(l.Sites)
	for i := range lines {
		if lines[i].Name == "" {
			lines[i].Name = "No site"
		}
	}
	return lines
}

func expectedLine(e model.Expected) string {
	line := fmt.Sprintf("%s %s", num(e.Count), strings.ToLower(kindWord(e.Kind, e.Count)))
	if e.Kind == model.KindWindows || e.Kind == model.KindLinux || e.Kind == model.KindMac || e.Kind == model.KindChromebook {
		line = fmt.Sprintf("%s %s", num(e.Count), kindWord(e.Kind, e.Count))
	}
	if e.Site != "" {
		line += " at " + e.Site
	}
	if e.InLog {
		line += ", whose sites stand in a log that a device follows"
	}
	return line + "."
}

func (c *Console) siteNames(r *http.Request) ([]string, error) {
	sites, err := c.store.Sites(r.Context(), c.school)
	if err != nil {
		return nil, fmt.Errorf("listing sites: %w", err)
	}
	var names []string
	for _, s := range sites {
		names = append(names, s.Name)
	}
	return names, nil
}

const (
	wordsCount = "Enter a number from 0 to 100000. 0 takes the number away"
	wordsKind  = "Choose a kind and a site from the lists"
)

// expect takes a number that IT typed.
func (c *Console) expect(w http.ResponseWriter, r *http.Request, v viewer) {
	if err := r.ParseForm(); err != nil {
		c.badForm(w, r)
		return
	}
	form := expectForm{Kind: r.PostForm.Get("kind"), Site: r.PostForm.Get("site"), Count: strings.TrimSpace(r.PostForm.Get("count")), InLog: r.PostForm.Get("in_log") != ""}
	n, err := strconv.Atoi(form.Count)
	if err != nil || n < 0 || n > 100_000 {
		c.showCoverage(w, r, v, http.StatusUnprocessableEntity, form, []problem{{"count", wordsCount}})
		return
	}
	e, err := c.devices.CheckExpected(r.Context(), model.Expected{Kind: model.Kind(form.Kind), Site: form.Site, Count: n, InLog: form.InLog})
	if err != nil {
		c.showCoverage(w, r, v, http.StatusUnprocessableEntity, form, []problem{{"kind", wordsKind}})
		return
	}
	if err := c.devices.Expect(r.Context(), e); err != nil {
		c.broken(w, r, err)
		return
	}
	http.Redirect(w, r, "/coverage?saved", http.StatusSeeOther)
}
