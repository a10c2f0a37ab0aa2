package console

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"safelight/collector/model"
	"safelight/internal/event"
)

type alertView struct {
	Ref, Severity     string
	Who, Device, What string
	When              string
	Open              bool
	Taken             string // who has it, when nobody else may take it
	Mine              bool
	Notice            string
	Name              nameView
	HasAccount        bool
	InLog             bool     // the device named only follows the log
	Also              []string // other devices
	Steps             []step
	StepsOf           string
	Helplines         []string
	Seen              string
	WordsAsk          string
	Words             []wordLine
	How               []string
	NotSeen           []string
	Matched, Ruled    []string // how the rule came to match, and what else there is to say of it
	Unfiltered        string
	Rule, Pack, Noun  string
	Raised            bool // the rule alone would make it less
	Told              []toldLine
	Events            []happened
	Erased            string // what was erased, when and why
}

// step is a first step, its beginning stressed.
type step struct{ Strong, Rest string }

// wordLine is one thing that was seen, uncovered.
type wordLine struct {
	When, Name, Match string
	ReadAs            string   // what Match was read as
	Beside            []string // other phrases that counted
	Together          bool     // Beside are words that count together and not alone
}

// sight is what of an alert is uncovered on this page.
type sight struct {
	name, words bool
	notice      string
}

func (c *Console) alert(w http.ResponseWriter, r *http.Request, v viewer) {
	if ref := r.PathValue("ref"); !validRef(ref) && validRef(tidyRef(ref)) {
		http.Redirect(w, r, "/a/"+tidyRef(ref), http.StatusSeeOther)
		return
	}
	c.showAlert(w, r, v, sight{})
}

// found looks up the alert of the request, or answers: with the one page for
// what does not exist, also when it exists and is not theirs (G3).
func (c *Console) found(w http.ResponseWriter, r *http.Request, v viewer) (model.Alert, bool) {
	ref := r.PathValue("ref")
	if !validRef(ref) || !v.mayRead() {
		c.notFound(w, r, v)
		return model.Alert{}, false
	}
	alert, err := c.store.AlertFor(r.Context(), c.school, v.user, ref)
	switch {
	case errors.Is(err, model.ErrNotFound):
		c.notFound(w, r, v)
		return model.Alert{}, false
	case err != nil:
		c.broken(w, r, fmt.Errorf("reading an alert: %w", err))
		return model.Alert{}, false
	}
	return alert, true
}

// showAlert records the reading, then shows the page.
func (c *Console) showAlert(w http.ResponseWriter, r *http.Request, v viewer, s sight) {
	alert, ok := c.found(w, r, v)
	if !ok {
		return
	}
	ctx := r.Context()
	if err := c.record(ctx, v, "alert", alert.Ref); err != nil {
		c.broken(w, r, err)
		return
	}
	// Reading stops nothing (G4), so a page that cannot be marked as read is
	// still shown: the pupil comes first.
	if err := c.store.MarkRead(ctx, c.school, alert.Ref, v.user.ID, c.now()); err != nil {
		c.log.ErrorContext(ctx, "marking an alert as read failed", "ref", alert.Ref, "error", err)
	} else if again, err := c.store.AlertFor(ctx, c.school, v.user, alert.Ref); err == nil {
		alert = again
	}
	view, err := c.reader(ctx, v).alert(alert, s)
	if err != nil {
		c.broken(w, r, err)
		return
	}
	c.render(w, r, http.StatusOK, "alert", page{Title: "Alert " + alert.Ref, Viewer: &v, Current: "alert", Ref: alert.Ref, View: view})
}

func (rd *reader) alert(a model.Alert, show sight) (alertView, error) {
	s, err := rd.story(a)
	if err != nil {
		return alertView{}, err
	}
	shown := ""
	if show.name {
		shown = a.Ref
	}
	view := alertView{
		Ref: a.Ref, Severity: a.Severity.String(), Notice: show.notice,
		Who: longWho(s.subject, s.lead.Via), Device: s.device, What: whatSeen(s.lead, s.cat.Noun),
		When: rd.whenLine(s), Open: a.Acknowledged.IsZero(), Mine: a.AcknowledgedBy == rd.v.user.ID,
		Name: rd.name(s, "alert", shown), HasAccount: !nobody(s.subject), InLog: s.lead.Via == event.ViaLog,
		Steps: steps(s.cat.FirstSteps), StepsOf: s.cat.Noun, Helplines: s.cat.Helplines,
		Seen: listed(kindsOf(s.events), s.cat.Noun, !slices.ContainsFunc(s.events, isNotWeighed)), WordsAsk: askFor(s.events),
		How: how(s), NotSeen: notSeen(s.lead), Raised: s.lead.Raised != "",
		Matched: matched(s.lead, s.cat.Noun), Ruled: rd.ruled(s.lead), Unfiltered: wordsUnfiltered(s.lead),
		Rule: ruleShown(s.lead.Rule, show.words), Pack: s.lead.Pack, Noun: s.cat.Noun,
	}
	if !s.subject.Erased.IsZero() {
		view.Erased = erasedLine(s.subject, rd.c.zone)
		view.Seen, view.WordsAsk, view.Words = "Erased with the account.", "", nil
		view.Matched, view.Ruled, view.Unfiltered = nil, nil, ""
		show.words = false
	}
	if show.words {
		view.Words = rd.words(s)
	}
	if !view.Open {
		if view.Taken, err = rd.person(a.AcknowledgedBy); err != nil {
			return alertView{}, err
		}
		view.Taken = capital(view.Taken) + " " + haveIt(view.Mine) + " this, since " + when(a.Acknowledged, rd.now, rd.c.zone) + "."
	}
	if view.Also, err = rd.otherDevices(s); err != nil {
		return alertView{}, err
	}
	if view.Told, view.Events, err = rd.history(s); err != nil {
		return alertView{}, err
	}
	return view, nil
}

// numbered is a rule that is called by a number, "self-harm/sh-001", and so says
// nothing of what was seen.
var numbered = regexp.MustCompile(`^[a-z0-9-]+/[a-z]+-[0-9]+$`)

// ruleShown is the rule's name. A site's or a program's rule is called by the
// very name that stands behind a recorded press.
func ruleShown(rule string, uncovered bool) string {
	if uncovered || numbered.MatchString(rule) {
		return rule
	}
	return ""
}

func haveIt(mine bool) string {
	if mine {
		return "have"
	}
	return "has"
}

// whenLine says when and how often: "10:41 today, once."
func (rd *reader) whenLine(s story) string {
	zone := rd.c.zone
	at := when(s.alert.First, rd.now, zone)
	if daysBetween(s.alert.First.In(zone), rd.now.In(zone)) == 0 {
		at += " today"
	}
	line := at + ", " + strings.ToLower(times(s.alert.Events))
	if s.alert.Late {
		line += " " + cameLate(s.lead, arrived(s, rd))
	}
	return line
}

// steps stresses a step's first sentence where it has two, and whatever says
// 999.
func steps(lines []string) []step {
	out := make([]step, 0, len(lines))
	for _, line := range lines {
		line = strings.TrimSpace(line)
		first, rest, two := strings.Cut(line, ". ")
		switch i := strings.Index(line, "999"); {
		case i >= 0:
			out = append(out, step{line[:i+3], line[i+3:]})
		case two:
			out = append(out, step{first + ".", " " + rest})
		default:
			out = append(out, step{"", line})
		}
	}
	return out
}

func kindsOf(events []model.Event) map[event.Kind]int {
	names := map[event.Kind]map[string]bool{}
	for _, e := range events {
		if names[e.Kind] == nil {
			names[e.Kind] = map[string]bool{}
		}
		names[e.Kind][e.Name] = true
	}
	out := map[event.Kind]int{}
	for k, n := range names {
		out[k] = len(n)
	}
	return out
}

// askFor labels the press that uncovers what was seen.
func askFor(events []model.Event) string {
	kinds := kindsOf(events)
	switch {
	case kinds[event.Search] > 0:
		return "Show the words (recorded)"
	case len(events) == 0:
		return ""
	case kinds[event.Domain]+kinds[event.Process] > 1:
		return "Show the names (recorded)"
	case kinds[event.Process] > 0:
		return "Show the program’s name (recorded)"
	}
	return "Show the site’s name (recorded)"
}

// words uncovers what was seen, each name once, in the order it came.
func (rd *reader) words(s story) []wordLine {
	var out []wordLine
	seen := map[string]bool{}
	for _, e := range s.events {
		if seen[e.Name] {
			continue
		}
		seen[e.Name] = true
		line := wordLine{When: when(e.Observed, rd.now, rd.c.zone), Name: e.Name, ReadAs: e.ReadAs, Beside: besides(e), Together: isWeighed(e)}
		if e.Match != "" && (e.Match != e.Name || e.ReadAs != "") {
			line.Match = e.Match
		}
		out = append(out, line)
	}
	return out
}

// how lists each way in which the names came to be known, once.
func how(s story) []string {
	var out []string
	add := func(line string) {
		for _, have := range out {
			if have == line {
				return
			}
		}
		if line != "" {
			out = append(out, line)
		}
	}
	add(howSeen(s.lead, s.device))
	for _, via := range s.lead.Also {
		also := s.lead
		also.Via = via
		add(howSeen(also, s.device))
	}
	add(howProgram(s.lead))
	add(howAccount(s.lead, s.subject))
	return out
}

// otherDevices names the devices that later events came from.
func (rd *reader) otherDevices(s story) ([]string, error) {
	var out []string
	seen := map[string]bool{s.lead.Device: true}
	for _, e := range s.events {
		if seen[e.Device] {
			continue
		}
		seen[e.Device] = true
		name, err := rd.device(e.Device)
		if err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	return out, nil
}
