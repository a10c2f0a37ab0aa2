package console

import (
	"strings"

	"safelight/collector/model"
	"safelight/internal/event"
)

// The sentences that say how a rule came to match. They tell nothing of what was
// seen: the words themselves stand behind the recorded press.

// howRead says how a text had to be read before the rule's words stood in it; the
// keys are what the rules engine calls it (phrases.How).
var howRead = map[string]string{
	"accents":                  "with accents on letters",
	"full-width letters":       "in wide letters",
	"letters in another style": "in letters of another style",
	"hidden characters":        "with characters that are not drawn",
	"look-alike letters":       "with letters of another alphabet that look alike",
	"digits read as letters":   "with digits or signs for letters",
	"stretched letters":        "with letters drawn out",
	"put together":             "with a word broken up",
	"spelled out":              "with its letters apart",
	"other spellings":          "as people spell when they text",
}

// matched lists how the rule came to match.
func matched(e model.Event, noun string) []string {
	return filled(wordsRead(e), wordsBeside(e, noun), wordsDrawnAlike(e))
}

// ruled lists what else there is to say of the rule: how grave it finds this, whom
// it is for, and whose list it takes.
func (rd *reader) ruled(e model.Event) []string {
	return filled(sentence(e.Raised), wordsScope(e), rd.wordsList(e))
}

func filled(lines ...string) (out []string) {
	for _, line := range lines {
		if line != "" {
			out = append(out, line)
		}
	}
	return out
}

// wordsRead says that words were not written plainly, and how.
func wordsRead(e model.Event) string {
	var ways []string
	for _, how := range e.How {
		if way, ok := howRead[how]; ok {
			ways = append(ways, way)
		}
	}
	if len(ways) == 0 {
		return ""
	}
	return "The words were written " + joined(ways) + ", and were read as plain ones. Such a reading can be wrong."
}

// wordsBeside says that more than one phrase counted.
func wordsBeside(e model.Event, noun string) string {
	switch n := len(e.Evidence); {
	case isWeighed(e):
		return "It is told for several words, which each have ordinary uses. Together they are often found in what is on the " + noun + " list."
	case n == 0:
		return ""
	case n == 1:
		return "Another phrase on the " + noun + " list was in the same text, and counted too."
	default:
		return plural(n, "", "other phrases") + " on the " + noun + " list were in the same text, and counted too."
	}
}

// isWeighed reports an event whose own rule is a sum of words: they are its evidence.
func isWeighed(e model.Event) bool {
	return len(e.Evidence) > 0 && e.Evidence[0].Rule == e.Rule
}

func isNotWeighed(e model.Event) bool { return !isWeighed(e) }

// wordsList says whose list a site is on.
func (rd *reader) wordsList(e model.Event) string {
	if e.List == "" {
		return ""
	}
	const care = " Lists can be wrong or out of date."
	list, ok := rd.c.cats.List(e.List)
	switch {
	case !ok:
		return "The site is on a list called " + e.List + ", which the rules in force no longer have." + care
	case list.Own:
		return "The site is on the list " + e.List + ", which was written with the rules." + care
	}
	out := "The site is on the list " + e.List
	if list.From != "" {
		out += " by " + list.From
	}
	if list.Licence != "" {
		out += " (licence " + list.Licence + ")"
	}
	return out + "." + care
}

// drawnAlike is what stands in the id of a rule about look-alikes.
const drawnAlike = "/lookalike/"

func wordsDrawnAlike(e model.Event) string {
	if !strings.Contains(e.Rule, drawnAlike) {
		return ""
	}
	return "The site’s name is drawn like another’s, and is not it. Who opens such a site is often deceived."
}

// wordsScope says whom, where and when the rule is for.
func wordsScope(e model.Event) string {
	if e.Scope == "" {
		return ""
	}
	return "The rule does not hold for everybody, only for: " + strings.TrimSuffix(e.Scope, ".") + "."
}

// wordsUnfiltered is about the place, and never about a person (S117). Where the
// device that only follows a log stands says nothing of what is in it.
func wordsUnfiltered(e model.Event) string {
	if !e.Unfiltered || e.Via == event.ViaLog {
		return ""
	}
	return "There is no web filter where this device is, so that more can be reached there. That says nothing about who used it."
}

// joined writes "a, b and c".
func joined(parts []string) string {
	last := len(parts) - 1
	if last <= 0 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:last], ", ") + " and " + parts[last]
}

// besides are the other phrases that counted, or the words that did so together,
// uncovered, each once.
func besides(e model.Event) (out []string) {
	seen := map[string]bool{e.Match: true}
	for _, x := range e.Evidence {
		if !seen[x.Match] {
			seen[x.Match] = true
			out = append(out, x.Match)
		}
	}
	return out
}
