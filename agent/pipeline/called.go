package pipeline

import (
	"cmp"
	"strings"

	"safelight/internal/event"
	"safelight/internal/rules"
)

// verdict judges an observation. A program goes by several names: its own, that
// of the script an interpreter runs, that of the app it is a part of, and those
// that its file gives itself. What
// weighs most decides, as it does among the rules on one name: a note or an
// exemption of `java` must hide no finding on what java runs.
func verdict(set *rules.Ruleset, in rules.Input, o event.Observation) rules.Verdict {
	best := set.Judge(in)
	if o.Kind != event.Process {
		return best
	}
	for _, name := range alsoCalled(o) {
		in.Text, in.Exe = name.text, name.path
		if v := set.Judge(in); outweighs(set, v, best) {
			best = v
		}
	}
	return best
}

// outweighs goes by the order of package rules: a locked category's finding, any
// other, a note, an exemption; then by severity. Equals leave the first.
func outweighs(set *rules.Ruleset, a, b rules.Verdict) bool {
	return cmp.Or(cmp.Compare(weight(set, a), weight(set, b)), cmp.Compare(a.Severity, b.Severity)) > 0
}

func weight(set *rules.Ruleset, v rules.Verdict) int {
	switch v.Decision {
	case rules.Safe: // never flagged, whatever else it is called (G1)
		return 5
	case rules.Flag:
		if c, ok := set.Category(v.Category); ok && c.Locked {
			return 4
		}
		return 3
	case rules.Note:
		return 2
	case rules.Exempt:
		return 1
	}
	return 0
}

type called struct{ text, path string }

func alsoCalled(o event.Observation) []called {
	var names []called
	if o.Script != "" {
		names = append(names, called{o.Script[strings.LastIndexAny(o.Script, `/\`)+1:], o.Script})
	}
	if kind, app, ok := strings.Cut(o.App, ":"); ok {
		switch kind {
		case "flatpak", "snap", "appimage", "bundle", "msix":
			names = append(names, called{app, o.Exe})
		}
	}
	for _, own := range []string{o.OriginalName, o.Product} { // whatever somebody called the file
		if own != "" {
			names = append(names, called{own, o.Exe})
		}
	}
	return names
}
