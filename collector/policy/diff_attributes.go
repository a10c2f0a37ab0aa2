package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"safelight/collector/model"
	"safelight/internal/rules"
)

// attribute is something that may change about a rule whose words stay.
type attribute struct {
	what string
	// less and more say what is noticed less and more, of how many rules and of
	// which category.
	less, more string
	// widens says that more of it is a change of what is looked at (G7), and not
	// only a graver eye on the same.
	widens  bool
	compare func(was, is rules.OutlineRule) (less, more bool)
}

func gains(of func(rules.OutlineRule) bool) func(was, is rules.OutlineRule) (bool, bool) {
	return func(was, is rules.OutlineRule) (bool, bool) {
		return of(was) && !of(is), of(is) && !of(was)
	}
}

var attributes = []attribute{
	{
		"looked-for-in-searches", "no longer looks for %s of %s in search words", "looks for %s of %s in search words too", true,
		gains(func(r rules.OutlineRule) bool { return r.Search }),
	},
	{
		"looked-for-in-names", "no longer looks for %s of %s in names of sites", "looks for %s of %s in names of sites too", true,
		gains(func(r rules.OutlineRule) bool { return r.Host }),
	},
	{
		"part", "looks for %s of %s as whole words alone", "looks for %s of %s inside longer words too", true,
		gains(func(r rules.OutlineRule) bool { return r.Part }),
	},
	{
		"weight", "gives %s of %s less weight", "gives %s of %s more weight", false,
		func(was, is rules.OutlineRule) (bool, bool) { return is.Weight < was.Weight, is.Weight > was.Weight },
	},
	{
		"beside-help", "takes more points than now beside %s of %s where words ask for help", "takes fewer points than now beside %s of %s where words ask for help", false,
		func(was, is rules.OutlineRule) (bool, bool) {
			return is.BesideHelp > was.BesideHelp, is.BesideHelp < was.BesideHelp
		},
	},
	{
		"scope", "holds %s of %s for fewer people, places or times", "holds %s of %s for more people, places or times", true,
		func(was, is rules.OutlineRule) (bool, bool) { return compareScopes(was.Scope, is.Scope) },
	},
	{
		"guards", "lets %s of %s change by more before anybody looks", "lets %s of %s change by less before somebody looks", false,
		func(was, is rules.OutlineRule) (bool, bool) {
			return is.MaxShrink > was.MaxShrink || is.MaxGrow > was.MaxGrow, is.MaxShrink < was.MaxShrink || is.MaxGrow < was.MaxGrow
		},
	},
}

// otherwise says that what is written alike in several places differs, though all
// of it together comes to the same: less for some and more for others, perhaps.
func otherwise(was, is rules.OutlineRule) (less, more bool) {
	if was.ID == is.ID || was.Severity != is.Severity || !strings.Contains(was.ID+is.ID, "\x00") {
		return false, false
	}
	for _, a := range attributes {
		if l, m := a.compare(was, is); l || m {
			return false, false // it is said
		}
	}
	return true, true
}

// attributes compares rules whose words are the same.
func (r *reviewer) attributes(k kindWords, was, is rules.OutlineCategory, changed [][2]rules.OutlineRule) {
	heavy := grave(was, is)
	rest := attribute{"conditions", "holds %s of %s under other conditions", "holds %s of %s under other conditions", true, otherwise}
	for _, a := range append(slices.Clone(attributes), rest) {
		var less, more []string
		for _, c := range changed {
			l, m := a.compare(c[0], c[1])
			if l {
				less = append(less, c[1].Text+scoped(a, c))
			}
			if m {
				more = append(more, c[1].Text+scoped(a, c))
			}
		}
		if len(less) > 0 {
			r.put(is, model.RuleChange{
				What: k.what + "-" + a.what + "-less", Items: less, Lowers: heavy && !k.lets,
				Text: fmt.Sprintf(a.less, k.count(len(less)), is.Title),
			})
		}
		if len(more) > 0 {
			r.put(is, model.RuleChange{
				What: k.what + "-" + a.what + "-more", Items: more, Lowers: k.lets && heavy, Widens: !k.lets && (a.widens || len(more) >= listSize),
				Text: fmt.Sprintf(a.more, k.count(len(more)), is.Title),
			})
		}
	}
}

// scoped says beside a rule whose scope changed what it was and is.
func scoped(a attribute, c [2]rules.OutlineRule) string {
	if a.what != "scope" {
		return ""
	}
	return fmt.Sprintf(" (%s, before: %s)", cmp.Or(c[1].Scope.String(), "everybody"), cmp.Or(c[0].Scope.String(), "everybody"))
}

// compareScopes says whether a scope holds for fewer, or for more, than it did;
// for both where some go and others come.
func compareScopes(was, is rules.Scope) (fewer, more bool) {
	for _, part := range [][2][]string{
		{was.Roles, is.Roles},
		{was.Years, is.Years},
		{was.Groups, is.Groups},
		{was.Sites, is.Sites},
		{was.When, is.When},
		{one(was.Premises), one(is.Premises)},
	} {
		f, m := compareParts(part[0], part[1])
		fewer, more = fewer || f, more || m
	}
	return fewer, more
}

func one(word string) []string {
	if word == "" {
		return nil
	}
	return []string{word}
}

// compareParts compares one part of a scope; an empty one holds for everybody.
func compareParts(was, is []string) (fewer, more bool) {
	if len(was) == 0 || len(is) == 0 {
		return len(was) == 0 && len(is) > 0, len(was) > 0 && len(is) == 0
	}
	lacks := func(all, of []string) bool {
		return slices.ContainsFunc(of, func(w string) bool { return !slices.Contains(all, w) })
	}
	return lacks(is, was), lacks(was, is)
}

// threshold compares how much weight it takes.
func (r *reviewer) threshold(was, is rules.OutlineCategory) {
	if is.Threshold == was.Threshold {
		return
	}
	higher := is.Threshold > was.Threshold
	r.put(is, model.RuleChange{
		What: pick(higher, "threshold-raised", "threshold-lowered"), Lowers: higher && grave(was, is), Widens: !higher,
		Text: fmt.Sprintf("%s the threshold of %s from %d to %d: %s words are noticed", pick(higher, "raises", "lowers"), is.Title, was.Threshold, is.Threshold, pick(higher, "fewer", "more")),
	})
}

// languages says which languages begin to judge, and which are there without.
func (r *reviewer) languages(was, is rules.OutlineCategory) {
	count := func(c rules.OutlineCategory, on bool) map[string]int {
		all := map[string]int{}
		for _, o := range c.Rules {
			if isWords(o.Kind) && judges(o) == on {
				all[o.Lang]++
			}
		}
		return all
	}
	before, after := count(was, true), count(is, true)
	for _, lang := range sortedKeys(after) {
		if before[lang] == 0 && len(before) > 0 {
			r.put(is, model.RuleChange{What: "language-added", Items: []string{lang}, Widens: true, Text: fmt.Sprintf("begins to look for %s in the language %q", is.Title, lang)})
		}
	}
	for _, lang := range sortedKeys(before) {
		if after[lang] == 0 {
			r.put(is, model.RuleChange{What: "language-removed", Items: []string{lang}, Lowers: grave(was, is), Text: fmt.Sprintf("no longer looks for %s in the language %q", is.Title, lang)})
		}
	}
	off, offBefore := count(is, false), count(was, false)
	for _, lang := range sortedKeys(off) {
		if off[lang] != offBefore[lang] {
			r.put(is, model.RuleChange{What: "not-reviewed", Items: []string{lang}, Text: fmt.Sprintf("has %d phrases of %s in the language %q that no speaker has reviewed: they stay off", off[lang], is.Title, lang)})
		}
	}
}

// raises compares what makes findings graver.
func (r *reviewer) raises(was, is rules.OutlineCategory) {
	written := func(c rules.OutlineCategory) map[string]rules.Scope {
		all := map[string]rules.Scope{}
		for _, x := range c.Raises {
			if was, twice := all[x.Text]; twice { // in two files: for everybody whom one of them holds for
				x.Scope = eitherScope(was, x.Scope)
			}
			all[x.Text] = x.Scope
		}
		return all
	}
	before, after := written(was), written(is)
	var less, more []string
	for _, text := range sortedKeys(before) {
		now, stays := after[text]
		fewer, others := compareScopes(before[text], now)
		if !stays || fewer {
			less = append(less, text)
		}
		if stays && others {
			more = append(more, text)
		}
	}
	for _, text := range sortedKeys(after) {
		if _, was := before[text]; !was {
			more = append(more, text)
		}
	}
	if len(less) > 0 {
		r.put(is, model.RuleChange{What: "raises-less", Items: less, Lowers: grave(was, is), Text: "makes less of what it finds of " + is.Title + " graver"})
	}
	if len(more) > 0 {
		r.put(is, model.RuleChange{What: "raises-more", Items: more, Text: "makes more of what it finds of " + is.Title + " graver"})
	}
}
