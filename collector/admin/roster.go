package admin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"safelight/collector/model"
)

// People is what the verbs about people, hours and places read and write.
type People interface {
	PlanRoster(ctx context.Context, school model.SchoolID, people []model.Person) (model.RosterChange, error)
	ImportRoster(ctx context.Context, school model.SchoolID, name string, people []model.Person, now time.Time) (model.RosterChange, error)
}

// RosterImport carries a roster's CSV.
type RosterImport struct {
	Name   string `json:"name"`
	Data   []byte `json:"data"`
	DryRun bool   `json:"dry_run,omitempty"`
	// AcceptRemovals lets more than a fifth of the accounts leave.
	AcceptRemovals bool `json:"accept_removals,omitempty"`
}

// RosterImported is the answer. Details are in it after a dry run.
type RosterImported struct {
	DryRun    bool         `json:"dry_run,omitempty"`
	People    int          `json:"people"`
	Accounts  int          `json:"accounts"`
	Added     int          `json:"added"`
	Changed   int          `json:"changed"`
	Left      int          `json:"left"`
	Unchanged int          `json:"unchanged"`
	Ignored   []string     `json:"ignored_columns,omitempty"`
	Details   []RosterLine `json:"details,omitempty"`
}

// RosterLine is one account's change: by its line in the file or, of those who
// leave, by the account.
type RosterLine struct {
	Line    int      `json:"line,omitempty"`
	Account string   `json:"account,omitempty"`
	Role    string   `json:"role"`
	Year    string   `json:"year,omitempty"`
	What    string   `json:"what"`
	Fields  []string `json:"fields,omitempty"`
}

func (a *Admin) rosterImport(ctx context.Context, req RosterImport) ([]RosterImported, error) {
	roster, err := a.ReadRoster(req.Name, req.Data)
	if err != nil {
		return nil, usageError{err}
	}
	if err := a.checkSites(ctx, roster); err != nil {
		return nil, err
	}
	plan, err := a.Store.PlanRoster(ctx, a.School, roster.People)
	if err != nil {
		return nil, fmt.Errorf("importing roster %s: %w", req.Name, err)
	}
	if req.DryRun {
		answer := rosterAnswer(plan, roster)
		answer.DryRun = true
		for _, d := range plan.Details {
			answer.Details = append(answer.Details, RosterLine{d.Line, d.Account, string(d.Role), d.Year, d.What, d.Fields})
		}
		return one(answer), nil
	}
	if plan.Left*5 > plan.Before && !req.AcceptRemovals {
		return nil, usagef("importing roster %s: %d of the %d accounts in force are not in it, more than a fifth: is it the whole school's? A roster holds everybody, staff too; --dry-run lists who would leave, --accept-removals takes it as it is", req.Name, plan.Left, plan.Before)
	}
	change, err := a.Store.ImportRoster(ctx, a.School, req.Name, roster.People, a.Now())
	if err != nil {
		return nil, fmt.Errorf("importing roster %s: %w", req.Name, err)
	}
	a.Changed()
	return one(rosterAnswer(change, roster)), nil
}

// checkSites refuses a site that nobody has set: it is most likely a misspelt one.
func (a *Admin) checkSites(ctx context.Context, roster model.Roster) error {
	var known map[string]bool
	for _, p := range roster.People {
		if p.Site == "" {
			continue
		}
		if known == nil {
			sites, err := a.Desk.Sites(ctx)
			if err != nil {
				return fmt.Errorf("importing roster %s: %w", roster.Name, err)
			}
			known = map[string]bool{}
			for _, s := range sites {
				known[strings.ToLower(s.Name)] = true
			}
		}
		if !known[strings.ToLower(p.Site)] {
			return usagef("importing roster %s: line %d: site %q: there is none of that name; `site set` adds one, `site list` shows them", roster.Name, p.Line, p.Site)
		}
	}
	return nil
}

func rosterAnswer(c model.RosterChange, r model.Roster) RosterImported {
	return RosterImported{
		People: c.People, Accounts: c.Accounts, Added: c.Added, Changed: c.Changed, Left: c.Left, Unchanged: c.Unchanged, Ignored: r.Ignored,
	}
}

// Lines words a roster's import for people, a line each.
func (r RosterImported) Lines() []string {
	would := ""
	if r.DryRun {
		would = "Nothing was imported. "
	}
	lines := []string{fmt.Sprintf("%s%d people: %d added, %d changed, %d left, %d unchanged.", would, r.People, r.Added, r.Changed, r.Left, r.Unchanged)}
	if len(r.Ignored) > 0 {
		lines = append(lines, "Columns kept nowhere: "+strings.Join(r.Ignored, ", "))
	}
	for _, d := range r.Details {
		lines = append(lines, d.text())
	}
	return lines
}

func (d RosterLine) text() string {
	who := d.Role
	if d.Year != "" {
		who += ", year " + d.Year
	}
	switch d.What {
	case "left":
		return fmt.Sprintf("left: %s (%s)", d.Account, who)
	case "changed":
		return fmt.Sprintf("changed: line %d (%s): %s", d.Line, who, strings.Join(d.Fields, ", "))
	}
	return fmt.Sprintf("%s: line %d (%s)", d.What, d.Line, who)
}
