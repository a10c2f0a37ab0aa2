package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// scopeWords are the words of the timetable that every school has; others are
// names of its periods.
var scopeWords = []string{"lesson", "break", "school-day", outOfHours}

const outOfHours = "out-of-hours"

// keyStages are the years of each of England's key stages; 0 is the early
// years, 5 the sixth form.
var keyStages = [][]string{
	{"n", "r"}, {"1", "2"}, {"3", "4", "5", "6"}, {"7", "8", "9"}, {"10", "11"}, {"12", "13"},
}

const (
	maxScope = 60 // groups, sites or periods of one scope
	lastYear = 13
)

// personKeys are what somebody writes who wants a rule for one person.
var personKeys = []string{
	"account", "accounts", "user", "users", "person", "people", "name", "names", "pupil", "pupils", "student", "students",
	"email", "emails", "device", "devices",
}

// scope reads whom a file's rules are about. A rule for one named person is
// refused whatever it is called (G7).
func (r *reader) scope(n *yaml.Node) (s Scope, at pos) {
	if n == nil {
		return s, at
	}
	if r.namesAPerson(n) {
		return s, at
	}
	f, ok := r.mapping(n, "scope", "roles", "years", "key_stages", "groups", "sites", "when", "premises")
	if !ok {
		return s, at
	}
	for _, role := range r.list(f.by["roles"], "roles") {
		s.Roles = add(s.Roles, r.choice(role, "role", roleNames...))
	}
	for _, y := range r.list(f.by["years"], "years") {
		years := r.years(y)
		r.name("years", y, years...)
		for _, year := range years {
			s.Years = add(s.Years, year)
		}
	}
	for _, k := range r.list(f.by["key_stages"], "key_stages") {
		years := keyStages[r.number(k, "key stage", 0, len(keyStages)-1, 0)]
		r.name("key_stages", k, years...)
		for _, year := range years {
			s.Years = add(s.Years, year)
		}
	}
	s.Groups = r.words(f, "groups", "a group of the roster")
	s.Sites = r.words(f, "sites", "a site")
	s.When = r.words(f, "when", strings.Join(scopeWords, ", ")+" or a period of the timetable")
	if p := f.by["premises"]; p != nil {
		if s.Premises = r.choice(p, "premises", "on", "off", "any"); s.Premises == "any" {
			s.Premises = ""
		}
	}
	if s.empty() && len(f.by) == 0 {
		r.bad(n, "an empty scope", "say whom it is about, or take it out")
	}
	return s, r.at(n)
}

func (r *reader) namesAPerson(n *yaml.Node) bool {
	if n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; slices.Contains(personKeys, strings.ToLower(k.Value)) {
			r.bad(k, fmt.Sprintf("scope by %q", k.Value), "want groups of the roster: no rule is about one named person (G7)")
			return true
		}
	}
	return false
}

// words reads the list of names under key, folded as holds compares them.
func (r *reader) words(f fields, key, what string) (out []string) {
	for _, n := range r.list(f.by[key], key) {
		w := r.text(n, "a line of "+key, maxTitle)
		switch {
		case w == "":
			continue
		case key == "groups" && strings.ContainsAny(w, `@\/`):
			r.bad(n, fmt.Sprintf("group %q reads like an account", w), "want "+what+": no rule is about one named person (G7)")
			continue
		case key == "when" && meantWord(w) != "":
			r.bad(n, fmt.Sprintf("when %q, which would never hold", w), "write "+meantWord(w))
			continue
		}
		r.name(key, n, strings.ToLower(w))
		out = add(out, strings.ToLower(w))
	}
	if len(out) > maxScope {
		r.bad(f.by[key], fmt.Sprintf("%d %s", len(out), key), fmt.Sprintf("want at most %d", maxScope))
	}
	if n := f.by[key]; n != nil && n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		r.bad(n, key+" holds nothing", "want "+what+", or take the line out: nobody would be in it")
	}
	return out
}

// name notes what a line of a scope stands for.
func (r *reader) name(key string, n *yaml.Node, names ...string) {
	if len(names) > 0 {
		r.scoped = append(r.scoped, scopeWord{key: key, word: n.Value, names: names, at: r.at(n)})
	}
}

// meantWord gives the word of the timetable that somebody wrote another way:
// "lessons", "school day". A rule with it would hold at no time, and nobody would
// notice.
func meantWord(w string) string {
	bare := func(s string) string {
		s = strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.ToLower(s))
		return strings.TrimSuffix(s, "s")
	}
	for _, word := range scopeWords {
		if bare(w) == bare(word) && !strings.EqualFold(w, word) {
			return word
		}
	}
	return ""
}

func add(list []string, word string) []string {
	if word == "" || slices.Contains(list, word) {
		return list
	}
	return append(list, word)
}

// years reads 7, 7-11 or R.
func (r *reader) years(n *yaml.Node) (out []string) {
	s := r.text(n, "a line of years", 16)
	if s == "" {
		return nil
	}
	first, last, span := strings.Cut(s, "-")
	if !span {
		if y := foldYear(s); isYearGroup(y) {
			return []string{y}
		}
	}
	a, errA := strconv.Atoi(strings.TrimSpace(first))
	b, errB := strconv.Atoi(strings.TrimSpace(last))
	if !span || errA != nil || errB != nil || a < 1 || b > lastYear || a > b {
		r.bad(n, fmt.Sprintf("year %q", s), fmt.Sprintf("want a year from 1 to %d, a span such as 7-11, R or N", lastYear))
		return nil
	}
	for y := a; y <= b; y++ {
		out = append(out, strconv.Itoa(y))
	}
	return out
}

// isYearGroup reports what foldYear makes of a year group: n, r, 1 to 13.
func isYearGroup(s string) bool {
	y, err := strconv.Atoi(s)
	return s == "n" || s == "r" || err == nil && y >= 1 && y <= lastYear
}

// foldYear gives a year group as scopes keep it: "7" for "Year 7", "Y07" and
// "yr 7", "r" for Reception, "n" for Nursery.
func foldYear(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	switch s {
	case "reception", "yr", "year r", "r":
		return "r"
	case "nursery", "year n", "n":
		return "n"
	}
	for _, prefix := range []string{"year", "yr", "y"} {
		if rest, ok := strings.CutPrefix(s, prefix); ok {
			s = strings.TrimSpace(rest)
			break
		}
	}
	if t := strings.TrimLeft(s, "0"); t != "" {
		return t
	}
	return s
}
