package console

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"safelight/collector/model"
)

type deviceView struct {
	ID, Name  string
	Headline  string
	Causes    []causeView
	Notes     []causeView // what does not keep it from being proven
	Facts     []factView
	Sources   []sourceView
	Said      string
	Happened  []happenedView
	CheckPage bool
	Asked     string // what the reader’s press did
	Families  []familyView
}

type causeView struct{ Text, Mend, Since string }

type factView struct{ Name, Text string }

type sourceView struct{ Name, State, Seen, Dropped string }

type happenedView struct{ When, Title, Detail string }

// device is what is known of one device.
func (c *Console) device(w http.ResponseWriter, r *http.Request, v viewer) {
	l, ok := c.ledger(w, r, v, "device")
	if !ok {
		return
	}
	d, ok := findDevice(l, r.PathValue("id"))
	if !ok {
		c.notFound(w, r, v)
		return
	}
	events, err := c.store.HealthOf(r.Context(), c.school, d.ID, c.now().Add(-healthShown), healthMost)
	if err != nil {
		c.broken(w, r, fmt.Errorf("reading what happened on a device: %w", err))
		return
	}
	view := deviceView{ID: d.ID, Name: deviceName(d), Headline: standingSentence(d), Facts: c.deviceFacts(l, d), CheckPage: c.serves("/checks")}
	if r.URL.RawQuery == "asked" {
		view.Asked = view.Name + " is asked to check itself. While it is connected, the answer is here within half a minute: load this page again then."
	}
	if view.Families, err = c.families(r.Context(), l, d); err != nil {
		c.broken(w, r, err)
		return
	}
	if r.URL.RawQuery == "more" {
		view.Asked = "More devices came of it meanwhile, so nothing was revoked. The number below is as it is now."
	}
	for _, cause := range d.Causes {
		one := c.causeView(cause)
		if cause.Unproves {
			view.Causes = append(view.Causes, one)
		} else {
			view.Notes = append(view.Notes, one)
		}
	}
	if said, ok := c.devices.Said(d.ID); ok {
		view.Said = when(said.Said, c.now(), c.zone)
		for _, s := range said.Sources {
			view.Sources = append(view.Sources, sourceLine(s))
		}
	}
	for _, e := range events {
		view.Happened = append(view.Happened, happenedView{when(e.Received, c.now(), c.zone), healthTitle(e.Topic), model.Plain(e.Detail)})
	}
	c.render(w, r, http.StatusOK, "device", page{Title: view.Name, Viewer: &v, Current: "devices", View: view})
}

func (c *Console) causeView(cause model.Cause) causeView {
	view := causeView{Text: cause.Text, Mend: cause.Mend}
	if !cause.Since.IsZero() {
		view.Since = "Since " + when(cause.Since, c.now(), c.zone) + "."
	}
	return view
}

func standingSentence(d model.LedgerDevice) string {
	switch d.Standing {
	case model.StandingProven:
		return "It is proven to be monitored."
	case model.StandingHidden:
		return "It is heard from, and hides what it looks up."
	case model.StandingSilent:
		return "It is silent."
	case model.StandingRemoved:
		return "It said that Safelight was removed from it."
	case model.StandingOff:
		return "It is off, as the school is closed."
	}
	return "It is not proven to be monitored."
}

func (c *Console) deviceFacts(l model.Ledger, d model.LedgerDevice) []factView {
	at := func(t time.Time, none string) string {
		if t.IsZero() {
			return none
		}
		return when(t, c.now(), c.zone)
	}
	listed := "In no export"
	if d.Source != "" {
		listed = "In the export of " + capital(d.Source)
	}
	return slices.DeleteFunc([]factView{
		{"Kind", kindWord(d.Kind, 1)},
		{"Site", cmp.Or(d.Site, "None")},
		{"Group", d.Group},
		{"Serial number", d.Serial},
		{"System", cmp.Or(d.System, systemNames[d.OS], d.OS)},
		{"Safelight", d.Version},
		{"Last heard from", at(d.LastSeen, "Never")},
		{"Last check passed", at(d.Proven, "None that is known")},
		{"Enrolled", at(d.Enrolled, "")},
		{"Certificate until", at(d.Expires, "")},
		{"A copy of", ledgerName(l, d.CameOf)},
		{"Listed", listed},
	}, func(f factView) bool { return f.Text == "" })
}

// systemNames are operating systems by their names in Go.
var systemNames = map[string]string{"linux": "Linux", "windows": "Windows", "darwin": "macOS"}

// ledgerName is a device's name, or its id where it is in no ledger any more.
func ledgerName(l model.Ledger, id string) string {
	if d, ok := findDevice(l, id); ok && id != "" {
		return deviceName(d)
	}
	return id
}

func sourceLine(s model.SourceState) sourceView {
	line := sourceView{State: capital(model.Plain(s.State)), Seen: num(s.Seen), Dropped: num(s.Dropped + s.Lost)}
	switch {
	case s.Name == "network":
		line.Name = "Sites, from the network"
	case s.Name == "process":
		line.Name = "Programs"
	case strings.HasPrefix(s.Name, "weblog:"):
		line.Name = "Sites, from a followed log"
	default:
		line.Name = capital(s.Name)
	}
	var how []string
	for _, text := range []string{cmp.Or(wayWords[s.Way], s.Way), s.Detail} {
		if text != "" {
			how = append(how, model.Plain(text))
		}
	}
	if len(how) > 0 {
		line.State += " (" + strings.Join(how, "; ") + ")"
	}
	return line
}

// wayWords say by what a source sees, for who has not written it.
var wayWords = map[string]string{
	"bpf": "through the kernel, BPF", "etw": "through Windows’ event tracing, ETW", "packet": "through a packet socket", "poll": "by looking again and again",
}

// healthTitle is a health event's topic in words.
func healthTitle(topic string) string { return model.HealthTitle(topic) }
