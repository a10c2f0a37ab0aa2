package rules

import "safelight/internal/event"

// Sentences for a decision that names no category.
const (
	whySafe      = "a helpline or a place to report harm: never flagged and never logged"
	whyProtected = "a protected site: identity, belief, health and lawful activity are never flagged"
)

// notSeen says what no finding of a kind can know (G2).
var notSeen = map[event.Kind][]string{
	event.Domain: {
		"domain only; page content unknown",
		"it may be an advert or part of another page",
		"who was at the device is not known; an account is not a person",
	},
	event.Search: {
		"search words only; what was opened afterwards is unknown",
		"who was at the device is not known; an account is not a person",
	},
	event.Process: {
		"program start only; what was done with it is unknown",
		"who was at the device is not known; an account is not a person",
	},
}

// Headline is the sentence an alert of this category begins with. It says what
// the device saw, never what somebody did or meant (G2, G15).
func (c Category) Headline(kind event.Kind) string {
	switch kind {
	case event.Search:
		return "a search matched words on the " + c.Noun + " list"
	case event.Process:
		return "a program on the " + c.Noun + " list started; many have ordinary uses"
	}
	return "a site on the " + c.Noun + " list was asked for"
}

func why(kind event.Kind, f finding, help bool) string {
	switch {
	case f.host:
		return "a word on the " + f.cat.Noun + " list is part of the name of a site that was asked for"
	case help:
		return f.cat.Headline(kind) + ", and other words in it ask for help: it reads as somebody asking for help"
	}
	return f.cat.Headline(kind)
}
