package rules

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"safelight/internal/event"
	"safelight/internal/rules/weighed"
)

// weighedRule is a file of words whose points count together, and its id.
type weighedRule struct {
	pos      pos
	id       string
	file     string // in the pack: weights/suicide.txt
	severity event.Severity
	lang     string
	reviewed bool
	// besideHelp is what is enough beside words that ask for help; 0: the usual.
	besideHelp int
}

// weighed reads `{id: su-w, file: weights/suicide.txt, severity: medium}`.
func (r *reader) weighed(n *yaml.Node, c *categoryFile) {
	f, ok := r.mapping(n, "weighed words", "id", "file", "severity", "lang", "reviewed", "beside_help")
	if !ok {
		return
	}
	w := weighedRule{pos: r.at(n), id: r.id(f, "id"), file: r.need(f, "file", maxFileName), severity: r.severity(f), lang: c.lang, reviewed: c.reviewed}
	if f.by["lang"] != nil {
		w.lang = r.lang(f.by["lang"], c.lang)
		w.reviewed = isEnglish(w.lang)
	}
	if n := f.by["beside_help"]; n != nil {
		w.besideHelp = r.number(n, "beside_help", 1, weighed.Enough, weighed.Enough)
	}
	w.reviewed = r.review(f.by["reviewed"], w.reviewed)
	if w.file == "" || w.id == "" {
		return
	}
	if !isTextOfPack(w.file) {
		r.bad(f.by["file"], fmt.Sprintf("file %q", w.file), "want a text file of this pack, such as lists/our-weights.txt")
		return
	}
	c.weighed = append(c.weighed, w)
}
