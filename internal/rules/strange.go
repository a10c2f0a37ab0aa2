package rules

import (
	"fmt"
	"slices"
	"strings"
)

// School is what of a school scopes can name: its groups, its sites, the words of its
// timetable and the years of its pupils, in whatever case. What is nil is not known
// here, and nothing is said against it.
type School struct {
	Groups, Sites, Periods, Years []string
}

// scopeWord is a line of a scope and the names that it stands for: a span of years is
// several.
type scopeWord struct {
	key, word string
	names     []string
	at        pos
}

// Names says whether any scope names anything of a school's.
func (o *Outline) Names() bool { return len(o.named) > 0 }

// Strange lists the lines of scopes that name nothing that the school has. Such a rule
// holds for nobody, or nowhere, and nobody would notice; next year's group is no
// mistake either, so these are for somebody to look at and refuse nothing.
func (o *Outline) Strange(s School) Problems {
	var all Problems
	for _, w := range o.named {
		known, what, so := s.of(w.key)
		if known == nil || slices.ContainsFunc(w.names, func(name string) bool { return hasWord(known, name) }) {
			continue
		}
		key := strings.ReplaceAll(strings.TrimSuffix(w.key, "s"), "_", " ")
		all = append(all, w.at.problem(fmt.Sprintf("%s %q is not %s", key, w.word, what), nearWord(w.word, known)+so))
	}
	return all.sorted()
}

// of are the words that the school has for a key of a scope, where they stand, and
// what follows for a word that does not.
func (s School) of(key string) (known []string, where, so string) {
	switch key {
	case "groups", "years", "key_stages":
		known = s.Years
		if key == "groups" {
			known = s.Groups
		}
		return known, "on the roster", "as things stand nobody is known to be in it"
	case "sites":
		return s.Sites, "a site of the school", "as things stand no device is known to be there"
	}
	if s.Periods == nil {
		return nil, "", ""
	}
	return slices.Concat(scopeWords, s.Periods), "in the timetable", "as things stand it is never on"
}

func hasWord(known []string, word string) bool {
	return slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, word) })
}

// nearWord asks whether a word of the school was meant: the same but for spaces and
// hyphens, else one that is a slip or two away.
func nearWord(word string, known []string) string {
	bare := strings.NewReplacer(" ", "", "-", "", "_", "", "/", "").Replace
	for _, k := range known {
		if strings.EqualFold(bare(k), bare(word)) {
			return fmt.Sprintf("did you mean %q? ", k)
		}
	}
	lower := make([]string, len(known))
	for i, k := range known {
		lower[i] = strings.ToLower(k)
	}
	return meant(strings.ToLower(word), lower)
}

// CheckWho says what is wrong with what somebody typed as a person's year and as words
// of the timetable: neither would hold anywhere, and the answer would be another
// person's. Empty ones are not known.
func CheckWho(year string, periods []string) error {
	if year != "" && !isYearGroup(foldYear(year)) {
		return fmt.Errorf("the year %q: want a year from 1 to %d, R or N", year, lastYear)
	}
	for _, word := range periods {
		if m := meantWord(word); m != "" {
			return fmt.Errorf("the period %q: did you mean %q?", word, m)
		}
	}
	return nil
}

// CheckWhere says which group, site or period a question names that the school does not
// have; what is nil of the school is not known.
func (s School) CheckWhere(groups []string, site string, periods []string) error {
	ask := map[string][]string{"groups": groups, "when": periods}
	if site != "" {
		ask["sites"] = []string{site}
	}
	for _, key := range []string{"groups", "sites", "when"} {
		known, where, _ := s.of(key)
		for _, word := range ask[key] {
			if known != nil && !hasWord(known, word) {
				return fmt.Errorf("the %s %q is not %s; %sleave it out where it is not known", map[string]string{"groups": "group", "sites": "site", "when": "period"}[key], word, where, nearWord(word, known))
			}
		}
	}
	return nil
}
