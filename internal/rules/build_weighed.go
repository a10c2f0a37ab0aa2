package rules

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"safelight/internal/rules/phrases"
	"safelight/internal/rules/weighed"
)

// weightOf is what a line of a file of weighed words says, and whose it is.
type weightOf struct {
	weighedRule

	at     pos
	words  []string
	points int
}

// maxWeights bounds the lines of one file: a person must be able to look through it.
const maxWeights = 5000

// addWeighed adds a file's weighed words: one rule, which is one sum.
func (c *compiler) addWeighed(d *defined, src from, f *categoryFile) {
	for _, w := range f.weighed {
		if other, taken := d.ids[w.id]; taken {
			c.bad(w.pos, fmt.Sprintf("id %q is also in %s", w.id, other), "give each phrase its own id and never use one again")
		}
		d.ids[w.id] = w.pos
		weights := c.weightsIn(path.Join(path.Dir(f.pos.file), w.file), w.pos)
		c.rule(src, w.pos, w.severity, Rule{
			Kind: RuleWeighed, ID: c.id(src, w.id), Weight: w.enoughBesideHelp(c.policy.Categories[src.cat].Risk), Lang: w.lang, Reviewed: w.reviewed, Search: true,
		})
		if c.sums == weighed.MaxSums {
			c.bad(w.pos, fmt.Sprintf("more than %d files of weighed words", weighed.MaxSums), "put some of them together")
			return
		}
		for _, x := range weights {
			x.weighedRule = w
			f.weights = append(f.weights, x)
			c.terms = append(c.terms, weighed.Term{Sum: c.sums, Words: x.words, Points: x.points})
		}
		c.sums++
	}
}

// enoughBesideHelp is what a sum has to reach where words beside it ask for help:
// whoever asks for help and says half of something grave is heard (G1).
func (w weighedRule) enoughBesideHelp(risk string) uint32 {
	switch {
	case w.besideHelp > 0:
		return uint32(w.besideHelp)
	case risk == RiskLife || risk == RiskHigh:
		return EnoughBesideHelp
	}
	return weighed.Enough
}

// weightsIn reads a file of weighed words: points and a word, or two words that
// stand side by side, a line; # begins a comment.
func (c *compiler) weightsIn(file string, at pos) (out []weightOf) {
	data, ok := c.files[file]
	c.used[file] = true
	switch {
	case !ok:
		c.bad(at, fmt.Sprintf("file %q is not there", file), "add it to the pack, or take the line out")
		return nil
	case !utf8.Valid(data):
		c.bad(pos{file, 1, 1}, "text is not UTF-8", "save the file as UTF-8")
		return nil
	}
	seen, most := map[string]int{}, 0
	for i, line := range strings.Split(string(data), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		x, ok := c.weightLine(pos{file, i + 1, 1}, line)
		if !ok {
			continue
		}
		key := strings.Join(x.words, " ")
		if other, twice := seen[key]; twice {
			c.bad(x.at, fmt.Sprintf("%q is also in line %d", clip(key), other), "keep one of them: its points would count twice")
			continue
		}
		seen[key], most = i+1, most+max(x.points, 0)
		if out = append(out, x); len(out) > maxWeights {
			c.bad(x.at, fmt.Sprintf("more than %d lines", maxWeights), "leave out what says least")
			return nil
		}
	}
	if most < weighed.Enough && len(out) > 0 {
		c.bad(pos{file, 1, 1}, fmt.Sprintf("all points together are %d and never reach %d", most, weighed.Enough), "give words more points")
	}
	return out
}

func (c *compiler) weightLine(at pos, line string) (weightOf, bool) {
	fields := strings.Fields(line)
	points, err := strconv.Atoi(fields[0])
	if err != nil || points == 0 || points > weighed.MaxPoints || points < -weighed.MaxPoints {
		c.bad(at, fmt.Sprintf("points %q", clip(fields[0])), fmt.Sprintf("want a whole number from 1 to %d, or below nought as many, and then the words", weighed.MaxPoints))
		return weightOf{}, false
	}
	words := phrases.Words(strings.Join(fields[1:], " "))
	if len(words) < 1 || len(words) > 2 {
		c.bad(at, fmt.Sprintf("%q is %d words", clip(line), len(words)), "want the points, and one word or two that stand side by side")
		return weightOf{}, false
	}
	return weightOf{at: at, words: words, points: points}, true
}

// buildWeighed makes the table of all weighed words.
func (c *compiler) buildWeighed() {
	if c.sums == 0 {
		return
	}
	table, err := weighed.Build(c.sums, c.terms)
	if err != nil {
		c.problems = append(c.problems, Problem{What: err.Error(), Mend: "this is a mistake in Safelight: tell its makers, with the files"})
	}
	c.tables.Weighed = table
}
