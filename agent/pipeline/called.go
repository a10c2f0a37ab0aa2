package pipeline

import (
	"strings"

	"safelight/internal/event"
	"safelight/internal/rules"
)

// verdict judges an observation. A program goes by several names: its own, that
// of the script an interpreter runs, and that of the app it is a part of. The
// first that a rule has something to say of decides.
func verdict(set *rules.Ruleset, in rules.Input, o event.Observation) rules.Verdict {
	v := set.Judge(in)
	if o.Kind != event.Process {
		return v
	}
	for _, name := range alsoCalled(o) {
		if v.Decision != rules.None {
			return v
		}
		in.Text, in.Exe = name.text, name.path
		v = set.Judge(in)
	}
	return v
}

type called struct{ text, path string }

func alsoCalled(o event.Observation) []called {
	var names []called
	if o.Script != "" {
		names = append(names, called{o.Script[strings.LastIndexAny(o.Script, `/\`)+1:], o.Script})
	}
	if kind, app, ok := strings.Cut(o.App, ":"); ok {
		switch kind {
		case "flatpak", "snap", "appimage":
			names = append(names, called{app, o.Exe})
		}
	}
	return names
}
