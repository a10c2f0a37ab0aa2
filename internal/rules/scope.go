package rules

import (
	"slices"
	"strings"
)

// empty reports the scope that everybody is in.
func (s Scope) empty() bool {
	return len(s.Roles)+len(s.Years)+len(s.Groups)+len(s.Sites)+len(s.When) == 0 && s.Premises == ""
}

// answer is whether something holds, where it may not be known.
type answer uint8

const (
	no answer = iota
	unknown
	yes
)

func is(b bool) answer {
	if b {
		return yes
	}
	return no
}

// covers says whether an observation is in the scope: the least certain of its
// parts.
func (s *Scope) covers(in *Input) answer {
	if s.empty() {
		return yes
	}
	return min(s.role(in), s.year(in), s.group(in), s.site(in), s.when(in), s.premises(in))
}

// holds says whether a rule of this scope judges the observation. What is not
// known holds against somebody who may be a pupil, and never for an allow.
func (s *Scope) holds(in *Input, allow bool) bool {
	switch s.covers(in) {
	case yes:
		return true
	case unknown:
		return !allow && roleIndex(in.Role) < learners
	}
	return false
}

// role takes a role that nobody knows for a pupil's, as Judge does.
func (s *Scope) role(in *Input) answer {
	if len(s.Roles) == 0 {
		return yes
	}
	found := slices.Contains(s.Roles, roleNames[roleIndex(in.Role)])
	if found && !slices.Contains(roleNames, in.Role) {
		return unknown
	}
	return is(found)
}

// year takes what is no year, "7 Green" or "Sixth form", for one that is not
// known.
func (s *Scope) year(in *Input) answer {
	if len(s.Years) == 0 {
		return yes
	}
	y := foldYear(in.Year)
	if !isYearGroup(y) {
		return unknown
	}
	return is(slices.Contains(s.Years, y))
}

// group knows the groups of whomever the roster knows: a role says that it
// does.
func (s *Scope) group(in *Input) answer {
	switch {
	case len(s.Groups) == 0:
		return yes
	case len(in.Groups) == 0 && in.Role == "":
		return unknown
	}
	return is(slices.ContainsFunc(in.Groups, func(g string) bool { return slices.Contains(s.Groups, strings.ToLower(g)) }))
}

func (s *Scope) site(in *Input) answer {
	switch {
	case len(s.Sites) == 0:
		return yes
	case in.Site == "":
		return unknown
	}
	return is(slices.Contains(s.Sites, strings.ToLower(in.Site)))
}

func (s *Scope) when(in *Input) answer {
	switch {
	case len(s.When) == 0:
		return yes
	case len(in.Periods) == 0:
		return unknown
	}
	return is(slices.ContainsFunc(in.Periods, func(p string) bool { return slices.Contains(s.When, strings.ToLower(p)) }))
}

func (s *Scope) premises(in *Input) answer {
	switch {
	case s.Premises == "":
		return yes
	case in.Premises == "":
		return unknown
	}
	return is(s.Premises == in.Premises)
}

// String says the scope in words: "years 7, 8; in lesson; on premises".
func (s *Scope) String() string {
	var parts []string
	say := func(what string, words []string) {
		if len(words) > 0 {
			parts = append(parts, strings.TrimSpace(what+" "+strings.Join(words, ", ")))
		}
	}
	say("", s.Roles)
	say("years", s.Years)
	say("groups", s.Groups)
	say("at", s.Sites)
	say("in", s.When)
	if s.Premises != "" {
		parts = append(parts, s.Premises+" premises")
	}
	return strings.Join(parts, "; ")
}
