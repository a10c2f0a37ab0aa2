package rules

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"safelight/internal/event"
)

// hint is words of one weight; see hintsFlag.
type hint struct {
	pos      pos
	words    []string
	at       []pos // of words
	weight   uint32
	severity event.Severity
}

const maxHintWords = 2000

// hint reads `{weight: 40, any: [pills, nobody knows]}`.
func (r *reader) hint(n *yaml.Node, what string, keys ...string) (h hint, ok bool) {
	f, ok := r.mapping(n, what, keys...)
	if !ok {
		return h, false
	}
	h = hint{pos: r.at(n), severity: usualHintSeverity}
	if f.by["weight"] == nil {
		r.bad(n, "no weight", fmt.Sprintf("add `weight: 30`: from 1 to %d; words whose weights reach %d together flag", maxHint, hintsFlag))
		return h, false
	}
	h.weight = uint32(r.number(f.by["weight"], "weight", 1, maxHint, 1))
	if s := r.severity(f); s != 0 {
		h.severity = s
	}
	any := r.list(f.by["any"], "any")
	switch {
	case len(any) == 0:
		r.bad(n, "no any", "add `any: [...]`: the words of this weight")
	case len(any) > maxHintWords:
		r.bad(f.by["any"], fmt.Sprintf("%d words", len(any)), fmt.Sprintf("want at most %d", maxHintWords))
		return h, false
	}
	for _, e := range any {
		if s := r.text(e, "a line of any", maxPhrase); s != "" {
			h.words, h.at = append(h.words, s), append(h.at, r.at(e))
		}
	}
	return h, len(h.words) > 0
}
