package rules

import (
	"slices"

	"safelight/internal/event"
)

// Sentences for a decision that names no category.
const (
	whySafe      = "a helpline or a place to report harm: never flagged and never logged"
	whyProtected = "a protected site: identity, belief, health and lawful activity are never flagged"
)

// SearchesUnseen is said wherever search words are not seen (G2).
const SearchesUnseen = "sites and programs only; searches are not seen"

// unseen says what no finding of a kind can know (G2).
var unseen = map[event.Kind][]string{
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

func (j *judging) notSeen() []string {
	out := slices.Clone(unseen[j.in.Kind])
	if j.in.NoSearches && j.in.Kind != event.Search {
		out = append(out, SearchesUnseen)
	}
	return out
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

func (j *judging) why(f finding, help bool) string {
	cat := j.category(f.rule).Category
	saw := cat.Headline(j.in.Kind)
	if f.weighed != nil { // none of them is on the list, and none is said to be
		saw = "a search holds words that together are often on the " + cat.Noun + " list"
	}
	switch {
	case f.rule.Kind == RuleApproved:
		return "a program started that is on no rule and not on the school's list of approved programs; most are harmless"
	case f.rule.Kind == RuleLookalike:
		return "a site was asked for whose name is drawn like that of " + listOf(f.rule.ID) + " and is not it"
	case f.host:
		return "a word on the " + cat.Noun + " list is part of the name of a site that was asked for"
	case help:
		return saw + ", and other words in it ask for help: it reads as somebody asking for help"
	case f.weighed != nil && !f.rule.Reviewed:
		return saw + ", in a language (" + f.rule.Lang + ") that no speaker has reviewed"
	case f.weighed != nil:
		return saw + "; each by itself has ordinary uses"
	case f.rule.Kind == RulePhrase && !f.rule.Reviewed:
		return saw + " in a language (" + f.rule.Lang + ") that no speaker has reviewed"
	}
	return saw
}
