package rules

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"safelight/internal/event"
)

// raiseRule is `{repeats: 3, within: 1h, to: high}` or
// `{with: [weapons], within: 24h, to: urgent}`.
type raiseRule struct {
	pos     pos
	repeats int
	with    []string
	within  time.Duration
	to      event.Severity
}

const (
	maxRepeats = 30                 // agents remember little more of an account
	maxRaise   = 7 * 24 * time.Hour // nor longer
	maxWith    = 20
)

func (r *reader) raise(n *yaml.Node, c *categoryFile) {
	f, ok := r.mapping(n, "a raise", "repeats", "with", "within", "to")
	if !ok {
		return
	}
	x := raiseRule{pos: r.at(n)}
	x.to, _ = event.ParseSeverity(r.needChoice(f, "to", severityList...))
	if w := f.by["within"]; w == nil {
		r.bad(n, "no within", "add `within: 1h`: how far back it looks")
	} else {
		x.within = r.duration(w, "within", maxRaise)
	}
	x.repeats = r.number(f.by["repeats"], "repeats", 2, maxRepeats, 0)
	x.with = r.texts(f.by["with"], "with", maxID)
	switch {
	case (f.by["repeats"] == nil) == (f.by["with"] == nil):
		r.bad(n, "a raise with both or neither of `repeats` and `with`", "want one of them: make two lines of it")
		return
	case len(x.with) > maxWith:
		r.bad(f.by["with"], fmt.Sprintf("%d categories", len(x.with)), fmt.Sprintf("want at most %d", maxWith))
		return
	}
	if x.within > 0 && x.to != 0 && (x.repeats > 0 || len(x.with) > 0) {
		c.raises = append(c.raises, x)
	}
}

var (
	durationPart = regexp.MustCompile(`([0-9]{1,6})([smhd])`)
	durationForm = regexp.MustCompile(`^([0-9]{1,6}[smhd])+$`)
)

// duration reads 30m, 24h, 7d or 1h30m.
func (r *reader) duration(n *yaml.Node, what string, most time.Duration) time.Duration {
	s := r.text(n, what, 32)
	if s == "" {
		return 0
	}
	var d time.Duration
	if durationForm.MatchString(s) {
		for _, m := range durationPart.FindAllStringSubmatch(s, -1) {
			v, _ := strconv.Atoi(m[1])
			d += time.Duration(v) * map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[m[2]]
		}
	}
	if d <= 0 || d > most {
		r.bad(n, fmt.Sprintf("%s %q", what, s), fmt.Sprintf("want a time such as 30m, 24h or 7d, at most %dd", int(most.Hours()/24)))
		return 0
	}
	return d
}
