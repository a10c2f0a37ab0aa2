package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"safelight/collector/model"
)

// Checks is the ledger of checks. Its refusals are words for whoever asks.
type Checks interface {
	Week(ctx context.Context, week string) (model.CheckWeek, error)
	Record(ctx context.Context, by model.User, r model.CheckRecord) (model.CheckRecord, error)
	Sign(ctx context.Context, by model.User, week, words string) (model.CheckSignature, error)
	Request(ctx context.Context, by string, within time.Duration) (model.CheckRequest, error)
}

func (a *Admin) checkVerbs(mux *http.ServeMux) {
	handle(mux, "check/list", reading(a, "checks", a.checkList))
	handle(mux, "check/record", a.checkRecord)
	handle(mux, "check/sign", a.checkSign)
	handle(mux, "check/request", a.checkRequest)
}

// CheckList asks for a week's check; the empty week is this one.
type CheckList struct {
	Week string `json:"week,omitempty"`
}

// CheckWeekRow is a week's check.
type CheckWeekRow struct {
	Week    string                  `json:"week"`
	From    time.Time               `json:"from"`
	To      time.Time               `json:"to"`
	Summary string                  `json:"summary"`
	Devices []CheckedRow            `json:"devices"`
	Sites   []CheckedGroupRow       `json:"sites"`
	Systems []CheckedGroupRow       `json:"systems"`
	Users   []CheckedUsersRow       `json:"user_groups"`
	Records []CheckRecordRow        `json:"records"`
	Filter  []FilterRow             `json:"filter"`
	Reviews []ReviewRow             `json:"reviews"`
	Signed  map[string]SignatureRow `json:"signed"` // by "it" and "safeguarding"
	Request *RequestRow             `json:"request,omitempty"`
}

// CheckedRow is a device in a week.
type CheckedRow struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Site    string            `json:"site,omitempty"`
	OS      string            `json:"os"`
	State   model.CheckState  `json:"state"`
	At      *time.Time        `json:"at"`
	Cause   model.CheckCause  `json:"cause,omitempty"`
	Results []ResultRow       `json:"results,omitempty"`
	Amiss   []string          `json:"amiss,omitempty"` // why it did not pass, in sentences
	Hidden  map[string]uint64 `json:"hidden,omitempty"`
	System  string            `json:"system,omitempty"`
}

// ResultRow is one try.
type ResultRow struct {
	Source  string             `json:"source"`
	What    model.CheckWhat    `json:"what"`
	Outcome model.CheckOutcome `json:"outcome"`
	Way     string             `json:"way,omitempty"`
	DelayMS int64              `json:"delay_ms,omitempty"`
	Detail  string             `json:"detail,omitempty"`
}

// CheckedGroupRow sums the devices of a site or a system.
type CheckedGroupRow struct {
	Name    string `json:"name"`
	Devices int    `json:"devices"`
	Passed  int    `json:"passed"`
	Failed  int    `json:"failed"`
	None    int    `json:"none"`
}

// CheckedUsersRow says how often something was tried as a kind of accounts.
type CheckedUsersRow struct {
	Group   string `json:"group"`
	Filter  int    `json:"filter"`
	Monitor int    `json:"monitor"`
}

// CheckRecordRow is what a person wrote.
type CheckRecordRow struct {
	ID      string           `json:"id"`
	Week    string           `json:"week"`
	At      time.Time        `json:"at"`
	By      string           `json:"by"`
	Kind    model.RecordKind `json:"kind"`
	What    string           `json:"what"`
	Group   string           `json:"group,omitempty"`
	Account string           `json:"account,omitempty"`
	Site    string           `json:"site,omitempty"`
	Worked  bool             `json:"worked"`
	Told    string           `json:"told,omitempty"`
	Found   string           `json:"found,omitempty"`
	Done    string           `json:"done,omitempty"`
}

// FilterRow is a device's try of the filter, as the service itself.
type FilterRow struct {
	Device  string      `json:"device"`
	At      time.Time   `json:"at"`
	Told    string      `json:"told"`
	Passed  bool        `json:"passed"`
	Results []ResultRow `json:"results"`
}

// ReviewRow is a change that calls for a review.
type ReviewRow struct {
	What    string    `json:"what"`
	Was     string    `json:"was,omitempty"`
	Now     string    `json:"now"`
	Devices int       `json:"devices,omitempty"`
	Raised  time.Time `json:"raised"`
}

// SignatureRow is a signature.
type SignatureRow struct {
	Week    string          `json:"week"`
	Side    model.CheckSide `json:"side"`
	By      string          `json:"by"`
	At      time.Time       `json:"at"`
	Summary string          `json:"summary"`
	Note    string          `json:"note,omitempty"`
}

// RequestRow is a request to check.
type RequestRow struct {
	ID            string    `json:"id"`
	At            time.Time `json:"at"`
	By            string    `json:"by"`
	WithinSeconds int       `json:"within_seconds"`
	Answered      int       `json:"answered"`
}

func (a *Admin) checkList(ctx context.Context, req CheckList) ([]CheckWeekRow, error) {
	w, err := a.Checks.Week(ctx, req.Week)
	if err != nil {
		return nil, usagef("listing a week's check: %w", err)
	}
	return one(weekRow(w)), nil
}

func weekRow(w model.CheckWeek) CheckWeekRow {
	row := CheckWeekRow{
		Week: w.Week, From: w.From.UTC(), To: w.To.UTC(), Summary: w.Summary(), Devices: []CheckedRow{}, Sites: groupRows(w.Sites), Systems: groupRows(w.Systems),
		Users: []CheckedUsersRow{}, Records: []CheckRecordRow{}, Filter: []FilterRow{}, Reviews: []ReviewRow{}, Signed: map[string]SignatureRow{},
	}
	names := map[string]string{}
	for _, d := range w.Devices {
		names[d.ID] = d.Name
		var amiss []string
		if d.State == model.CheckFailed {
			amiss = d.Check.Amiss()
		}
		row.Devices = append(row.Devices, CheckedRow{
			Amiss: amiss,
			ID:    d.ID, Name: d.Name, Site: d.Site, OS: d.OS, State: d.State, At: timeOrNil(d.Check.Received), Cause: d.Check.Cause,
			Results: resultRows(d.Check.Results), Hidden: d.Check.Hidden, System: d.Check.System,
		})
	}
	for _, u := range w.Users {
		row.Users = append(row.Users, CheckedUsersRow{u.Group, len(u.Filter), len(u.Monitor)})
	}
	for _, r := range w.Records {
		row.Records = append(row.Records, recordRow(r, w.Names[r.By]))
	}
	for _, c := range w.Filter {
		row.Filter = append(row.Filter, FilterRow{Device: names[c.Device], At: c.Received.UTC(), Told: c.Told, Passed: c.Passed(), Results: resultRows(c.Results)})
	}
	for _, r := range w.Reviews {
		row.Reviews = append(row.Reviews, ReviewRow{r.What, r.Was, r.Now, r.Devices, r.Raised.UTC()})
	}
	for _, s := range w.Signatures {
		row.Signed[string(s.Side)] = signatureRow(s, w.Names[s.By])
	}
	if w.Request.ID != "" {
		row.Request = &RequestRow{w.Request.ID, w.Request.At.UTC(), w.Names[w.Request.By], int(w.Request.Within / time.Second), w.Answered}
	}
	return row
}

func groupRows(groups []model.CheckedGroup) []CheckedGroupRow {
	rows := make([]CheckedGroupRow, 0, len(groups))
	for _, g := range groups {
		rows = append(rows, CheckedGroupRow{g.Name, g.Devices, g.Passed, g.Failed, g.Other})
	}
	return rows
}

func resultRows(results []model.CheckResult) []ResultRow {
	rows := make([]ResultRow, 0, len(results))
	for _, r := range results {
		rows = append(rows, ResultRow{r.Source, r.What, r.Outcome, r.Way, r.Delay.Milliseconds(), r.Detail})
	}
	return rows
}

func recordRow(r model.CheckRecord, by string) CheckRecordRow {
	return CheckRecordRow{
		ID: r.ID, Week: r.Week, At: r.At.UTC(), By: by, Kind: r.Kind, What: r.What, Group: r.Group, Account: r.Account, Site: r.Site,
		Worked: r.Worked, Told: r.Told, Found: r.Found, Done: r.Done,
	}
}

func signatureRow(s model.CheckSignature, by string) SignatureRow {
	return SignatureRow{Week: s.Week, Side: s.Side, By: by, At: s.At.UTC(), Summary: s.Summary, Note: s.Note}
}

// CheckWrite writes on a week's check.
type CheckWrite struct {
	As      string `json:"as"`
	Week    string `json:"week,omitempty"`
	Kind    string `json:"kind"`
	What    string `json:"what"`
	Group   string `json:"group,omitempty"`
	Account string `json:"account,omitempty"`
	Site    string `json:"site,omitempty"`
	Worked  bool   `json:"worked"`
	Told    string `json:"told,omitempty"`
	Found   string `json:"found,omitempty"`
	Done    string `json:"done,omitempty"`
}

func (a *Admin) checkRecord(ctx context.Context, req CheckWrite) ([]CheckRecordRow, error) {
	u, err := a.person(ctx, req.As)
	if err != nil {
		return nil, err
	}
	r, err := a.Checks.Record(ctx, u, model.CheckRecord{
		Week: req.Week, Kind: model.RecordKind(req.Kind), What: req.What, Group: req.Group, Account: req.Account, Site: req.Site,
		Worked: req.Worked, Told: req.Told, Found: req.Found, Done: req.Done,
	})
	if err != nil {
		return nil, refusedCheck("writing on a week's check", err)
	}
	return one(recordRow(r, u.Name)), nil
}

// CheckSign signs a week's check.
type CheckSign struct {
	As   string `json:"as"`
	Week string `json:"week,omitempty"`
	Note string `json:"note,omitempty"`
}

func (a *Admin) checkSign(ctx context.Context, req CheckSign) ([]SignatureRow, error) {
	u, err := a.person(ctx, req.As)
	if err != nil {
		return nil, err
	}
	s, err := a.Checks.Sign(ctx, u, req.Week, req.Note)
	if err != nil {
		if model.RefusedField(err) == "done" {
			return nil, usagef("signing a week's check: %w (`check record --kind action` writes it)", err)
		}
		return nil, refusedCheck("signing a week's check", err)
	}
	return one(signatureRow(s, u.Name)), nil
}

// CheckRequest asks every device to check itself within so many seconds; 0 is as
// long as their number takes.
type CheckRequest struct {
	WithinSeconds int `json:"within_seconds"`
}

func (a *Admin) checkRequest(ctx context.Context, req CheckRequest) ([]RequestRow, error) {
	r, err := a.Checks.Request(ctx, model.ActorOf(ctx).Who, time.Duration(req.WithinSeconds)*time.Second)
	if err != nil {
		return nil, refusedCheck("asking devices to check themselves", err)
	}
	a.Changed()
	return one(RequestRow{ID: r.ID, At: r.At, By: r.By, WithinSeconds: int(r.Within / time.Second)}), nil
}

// refusedCheck tells what the person did wrong from what failed here.
func refusedCheck(doing string, err error) error {
	if field := model.RefusedField(err); field != "" {
		return usagef("%s: --%w", doing, err)
	}
	if errors.Is(err, model.ErrNotFound) {
		return usagef("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Lines words it for people.
func (r CheckWeekRow) Lines() []string {
	lines := []string{fmt.Sprintf("Week %s, from %s: %s.", r.Week, r.From.Format("2 January 2006"), r.Summary)}
	for _, d := range r.Devices {
		switch d.State {
		case model.CheckNone:
			lines = append(lines, d.Name+": no check came")
		case model.CheckFailed:
			for _, one := range d.Amiss {
				lines = append(lines, d.Name+": "+one)
			}
		case model.CheckPassed:
		}
	}
	for _, u := range r.Users {
		lines = append(lines, fmt.Sprintf("as %s: filter tried %d times, monitoring %d", u.Group, u.Filter, u.Monitor))
	}
	for _, one := range r.Records {
		lines = append(lines, one.Lines()...)
	}
	for _, v := range r.Reviews {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("needs a review: %s %s -> %s on %d devices", v.What, v.Was, v.Now, v.Devices)))
	}
	for _, side := range []model.CheckSide{model.SideIT, model.SideSafeguarding} {
		if s, ok := r.Signed[string(side)]; ok {
			lines = append(lines, s.Lines()...)
		} else {
			lines = append(lines, "not signed for "+string(side))
		}
	}
	return lines
}

// Lines words it for people.
func (r CheckRecordRow) Lines() []string {
	line := fmt.Sprintf("%s  %s  %s by %s: %s", r.ID, r.At.Format("2 Jan 15:04 MST"), r.Kind, r.By, r.What)
	for _, part := range []struct{ word, text string }{{"as", r.Account}, {"found", r.Found}, {"done", r.Done}} {
		if part.text != "" {
			line += "; " + part.word + " " + part.text
		}
	}
	return []string{line}
}

// Lines words it for people.
func (r SignatureRow) Lines() []string {
	return []string{fmt.Sprintf("week %s signed for %s by %s, %s: %s", r.Week, r.Side, r.By, r.At.Format("2 Jan 15:04 MST"), r.Summary)}
}

// Lines words it for people.
func (r RequestRow) Lines() []string {
	return []string{fmt.Sprintf("Every device checks itself within %d s; those that are away, when they come. `check list` shows what arrived.", r.WithinSeconds)}
}
