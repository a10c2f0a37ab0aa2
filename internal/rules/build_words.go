package rules

import (
	"errors"
	"fmt"

	"safelight/internal/rules/phrases"
)

// worded is a phrase of the table and where it stands.
type worded struct {
	phrases.Phrase
	at pos
}

func (c *compiler) addPhrases(d *defined, src from, f *categoryFile) {
	for _, p := range f.phrases {
		if other, taken := d.ids[p.id]; taken {
			c.bad(p.pos, fmt.Sprintf("phrase id %q is also in %s", p.id, other), "give each phrase its own id and never use one again")
		}
		d.ids[p.id] = p.pos
		rule := c.rule(src, p.pos, p.severity, Rule{
			Kind: RulePhrase, ID: c.id(src, p.id), Weight: p.weight, Lang: p.lang, Reviewed: p.reviewed, Search: p.search, Host: p.host,
		})
		for _, text := range p.texts {
			c.wordsAlone(p.pos, text)
			c.word(p.pos, phrases.Phrase{Ref: rule, Text: text, Part: p.part})
		}
		if len(p.all) > 0 {
			c.apart(p, rule)
		}
	}
	for _, a := range f.allow {
		c.wordsAlone(a.pos, a.text)
		rule := c.rule(src, a.pos, 0, Rule{
			Kind: RuleAllowPhrase, ID: c.id(src, "allow/"+clip(a.text)), Lang: f.lang, Reviewed: f.reviewed, Search: true, Host: true,
		})
		if len(a.near) == 0 {
			c.word(a.pos, phrases.Phrase{Ref: rule, Text: a.text, NoSpelledOut: true})
		}
		if near := c.expand(a.pos, a.near); len(near) > 0 {
			c.word(a.pos, phrases.Phrase{Ref: rule, All: [][]string{{a.text}, near}, Within: a.within, HeadOnly: true})
		}
	}
}

// apart notes a phrase of words apart, with the words of the sets it names.
func (c *compiler) apart(p phrase, rule uint32) {
	all := make([][]string, len(p.all))
	for i, choice := range p.all {
		if all[i] = c.expand(p.pos, choice); len(all[i]) == 0 {
			return // said
		}
	}
	c.word(p.pos, phrases.Phrase{Ref: rule, All: all, Within: p.within, Ordered: p.ordered})
}

// addHelp adds the built-in words that ask for help. Those that stand apart are a rule
// of their own, for they mask less.
func (c *compiler) addHelp() {
	add := func(id string) uint32 {
		return c.rule(from{cat: -1}, pos{file: "built in"}, 0, Rule{Kind: RuleHelp, ID: id, Reviewed: true, Search: true})
	}
	together, apart := add(helpTogether), add(helpApart)
	for _, p := range HelpPhrases() {
		if p.Ref = together; len(p.All) > 0 {
			p.Ref = apart
		}
		c.word(pos{file: "built in"}, p)
	}
}

// word notes a phrase for the table.
func (c *compiler) word(at pos, p phrases.Phrase) {
	if b := p.Check(); b != nil {
		c.bad(at, b.What, b.Mend)
		return
	}
	c.source.words = append(c.source.words, worded{p, at})
}

// buildWords makes the table of all phrases, and a small one of those that are
// looked for in host names: a device judges a hundred hosts for one search, and
// most words of sets (my, online, free) stand in hosts too.
func (c *compiler) buildWords() {
	list := make([]phrases.Phrase, len(c.source.words))
	var inHosts []phrases.Phrase
	for i, w := range c.source.words {
		list[i] = w.Phrase
		if r := &c.policy.Rules[w.Ref]; r.Host || r.Kind == RuleHelp && w.Text != "" {
			inHosts = append(inHosts, w.Phrase)
		}
	}
	table, err := phrases.Build(list, c.source.spellings...)
	if err == nil {
		c.tables.Hosts, err = phrases.Build(inHosts)
	}
	var b *phrases.BadPhrase
	switch {
	case errors.As(err, &b) && b.Index < len(list):
		c.bad(c.source.words[b.Index].at, b.What, b.Mend)
	case err != nil:
		c.problems = append(c.problems, Problem{What: err.Error(), Mend: "split the set of rules"})
	}
	c.tables.Phrases = table
}
