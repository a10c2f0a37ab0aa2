package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"safelight/internal/rules"
)

// Holds says whether a list holds a host or a name above it, and which: the most
// specific.
type Holds = func(host string) (name string, ok bool, err error)

// VetList says in words why devices must not judge by a version of a list: a name
// in it would flag what the rules in force have to miss, a protected site (G5) or
// a helpline (G1). Empty: it may be taken.
func (p *Publisher) VetList(ctx context.Context, id string, holds Holds) (why string, err error) {
	problems, err := p.vetList(ctx, id, holds)
	if err != nil {
		return "", fmt.Errorf("trying list %s against what rules have to miss: %w", id, err)
	}
	return vetoed(problems), nil
}

func (p *Publisher) vetList(ctx context.Context, id string, holds Holds) ([]rules.ListProblem, error) {
	last, ok, err := p.store.LatestPolicy(ctx, p.school)
	if err != nil || !ok {
		return nil, err
	}
	files, err := p.sourcesOf(ctx, last)
	if err != nil {
		return nil, err
	}
	set, err := compile(files)
	if err != nil {
		return nil, err
	}
	return vet(files, set, map[string]Holds{id: holds})
}

// vet tries lists by the few of their names that can be wrong: those above a host
// that must not be flagged.
func vet(files map[string][]byte, set *rules.Ruleset, lists map[string]Holds) ([]rules.ListProblem, error) {
	given := map[string]rules.NameList{}
	hosts := set.ListHosts()
	for id, holds := range lists {
		var found []string
		for _, host := range hosts {
			name, ok, err := holds(host)
			if err != nil {
				return nil, err
			}
			if ok && set.MayList(name) {
				found = append(found, name)
			}
		}
		if len(found) > 0 {
			given[id] = slices.Values(found)
		}
	}
	if len(given) == 0 {
		return nil, nil
	}
	with, err := rules.CompileWith(files, given)
	if err != nil {
		return nil, err
	}
	return with.CheckLists(), nil
}

// vetoed words the first few problems.
func vetoed(problems []rules.ListProblem) string {
	const most = 3
	if len(problems) == 0 {
		return ""
	}
	var parts []string
	for _, p := range problems[:min(len(problems), most)] {
		parts = append(parts, p.Name+" in it would flag "+p.Line)
	}
	text := strings.Join(parts, "; ")
	if more := len(problems) - most; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text + ": tell whoever makes the list, or let the site through in the rules (`domains: [{allow: [...]}]`)"
}

// vetRules tries the lists that are in force against what new rules have to miss.
func (p *Publisher) vetRules(ctx context.Context, files map[string][]byte, set *rules.Ruleset) error {
	versions, err := p.versions(ctx, set)
	if err != nil || len(versions) == 0 {
		return err
	}
	lists := map[string]Holds{}
	for id, version := range versions {
		lists[id] = func(host string) (string, bool, error) { return p.subscribed().Contains(ctx, id, version, host) }
	}
	problems, err := vet(files, set, lists)
	if err != nil {
		return err
	}
	var errs []error
	for _, problem := range problems {
		errs = append(errs, fmt.Errorf("%s; let the site through (`domains: [{allow: [...]}]`), or take the list out", problem))
	}
	return errors.Join(errs...)
}
