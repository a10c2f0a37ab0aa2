package timetable

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds what Read looks at.
const maxFile = 1 << 20

// Read reads a timetable, YAML or CSV by what the text looks like, and checks
// it. name is the file's, for errors, which say the line where there is one.
func Read(name string, data []byte) (*Timetable, error) {
	t, err := read(data)
	if err != nil {
		return nil, fmt.Errorf("reading timetable %s: %w", name, err)
	}
	return t, nil
}

func read(data []byte) (*Timetable, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	switch {
	case len(data) > maxFile:
		return nil, fmt.Errorf("%d bytes: want at most %d; is this the right file?", len(data), maxFile)
	case !utf8.Valid(data):
		return nil, errors.New("not UTF-8 text: save it as \"CSV UTF-8\" or as YAML")
	}
	parse := readYAML
	if isCSV(data) {
		parse = readCSV
	}
	plan, err := parse(data)
	if err != nil {
		return nil, err
	}
	return New(plan)
}

// isCSV goes by the header, which a CSV timetable must have.
func isCSV(data []byte) bool {
	line, _, _ := bytes.Cut(bytes.TrimLeft(data, "\r\n"), []byte("\n"))
	return strings.HasPrefix(strings.ToLower(strings.Trim(string(line), "\" ")), "what")
}

// document is a timetable as YAML. What stands at the top is every site's; a
// site's own lists take the place of those.
type document struct {
	Zone  string `yaml:"zone"`
	hours `yaml:",inline"`
	Sites yaml.Node `yaml:"sites"`
}

type hours struct {
	Periods  []yaml.Node `yaml:"periods"`
	Terms    []yaml.Node `yaml:"terms"`
	Holidays []yaml.Node `yaml:"holidays"`
	Inset    []yaml.Node `yaml:"inset"`
}

func readYAML(data []byte) (Plan, error) {
	var doc document
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&doc); err != nil {
		return Plan{}, fmt.Errorf("%w; want zone, periods, terms, holidays, inset, sites", err)
	}
	p := Plan{Zone: doc.Zone}
	all, err := doc.site("")
	if err != nil {
		return Plan{}, err
	}
	if doc.Sites.Kind == 0 {
		p.Sites = []Site{all}
		return p, nil
	}
	if doc.Sites.Kind != yaml.MappingNode {
		return Plan{}, fmt.Errorf("line %d: sites: want a name for each site, and its lists beneath", doc.Sites.Line)
	}
	for i := 0; i+1 < len(doc.Sites.Content); i += 2 {
		name := doc.Sites.Content[i].Value
		var own hours
		if err := known(doc.Sites.Content[i+1], "periods", "terms", "holidays", "inset"); err != nil {
			return Plan{}, err
		}
		if err := doc.Sites.Content[i+1].Decode(&own); err != nil {
			return Plan{}, fmt.Errorf("site %q: %w", name, err)
		}
		s, err := own.site(name)
		if err != nil {
			return Plan{}, err
		}
		p.Sites = append(p.Sites, s.or(all))
	}
	if len(all.Periods) > 0 && len(all.Terms) > 0 {
		p.Sites = append(p.Sites, all)
	}
	return p, nil
}

// or fills a site's missing lists from those of every site.
func (s Site) or(all Site) Site {
	if s.Periods == nil {
		s.Periods = all.Periods
	}
	if s.Terms == nil {
		s.Terms = all.Terms
	}
	if s.Holidays == nil {
		s.Holidays = all.Holidays
	}
	if s.Inset == nil {
		s.Inset = all.Inset
	}
	return s
}

func (h hours) site(name string) (s Site, err error) {
	s.Name = name
	for _, node := range h.Periods {
		p, err := yamlPeriod(&node)
		if err != nil {
			return s, err
		}
		s.Periods = append(s.Periods, p)
	}
	for _, node := range h.Terms {
		span, week, err := yamlSpan(&node)
		if err != nil {
			return s, err
		}
		s.Terms = append(s.Terms, Term{span, week})
	}
	for _, list := range []struct {
		nodes []yaml.Node
		into  *[]Span
	}{{h.Holidays, &s.Holidays}, {h.Inset, &s.Inset}} {
		for _, node := range list.nodes {
			span, week, err := yamlSpan(&node)
			if err == nil && week != EveryWeek {
				err = fmt.Errorf("line %d: week: only a period or a term is of one", node.Line)
			}
			if err != nil {
				return s, err
			}
			*list.into = append(*list.into, span)
		}
	}
	return s, nil
}

func yamlPeriod(node *yaml.Node) (p Period, err error) {
	var raw struct {
		Name, Kind, Days, Week, From, To string
	}
	if err := known(node, "name", "kind", "days", "week", "from", "to"); err != nil {
		return p, err
	}
	if err := node.Decode(&raw); err != nil {
		return p, fmt.Errorf("line %d: %w", node.Line, err)
	}
	p, err = makePeriod(raw.Name, raw.Kind, raw.Days, raw.Week, raw.From, raw.To)
	if err != nil {
		return p, fmt.Errorf("line %d: %w", node.Line, err)
	}
	return p, nil
}

func makePeriod(name, kind, days, week, from, to string) (p Period, err error) {
	p.Name, p.Kind = strings.TrimSpace(name), Kind(strings.ToLower(strings.TrimSpace(kind)))
	if p.Days, err = ParseDays(days); err != nil {
		return p, err
	}
	if p.Week, err = ParseWeek(week); err != nil {
		return p, err
	}
	if p.From, err = ParseClock(from); err != nil {
		return p, fmt.Errorf("from: %w", err)
	}
	if p.To, err = ParseClock(to); err != nil {
		return p, fmt.Errorf("to: %w", err)
	}
	return p, nil
}

// yamlSpan reads a day, or a mapping of name, from, to and week.
func yamlSpan(node *yaml.Node) (s Span, w Week, err error) {
	var raw struct {
		Name, From, To, Week string
	}
	if node.Kind == yaml.ScalarNode {
		raw.From = node.Value
	} else {
		if err := known(node, "name", "from", "to", "week"); err != nil {
			return s, w, err
		}
		if err := node.Decode(&raw); err != nil {
			return s, w, fmt.Errorf("line %d: %w", node.Line, err)
		}
	}
	if s, err = makeSpan(raw.Name, raw.From, raw.To); err == nil {
		w, err = ParseWeek(raw.Week)
	}
	if err != nil {
		return s, w, fmt.Errorf("line %d: %w", node.Line, err)
	}
	return s, w, nil
}

// makeSpan reads a span of days; without an end it is one day.
func makeSpan(name, from, to string) (s Span, err error) {
	s.Name = strings.TrimSpace(name)
	if s.From, err = ParseDate(from); err != nil {
		return s, fmt.Errorf("from: %w", err)
	}
	if s.To = s.From; strings.TrimSpace(to) != "" {
		if s.To, err = ParseDate(to); err != nil {
			return s, fmt.Errorf("to: %w", err)
		}
	}
	return s, nil
}

// known refuses a key that nobody reads: it is most likely a misspelt one.
func known(node *yaml.Node, keys ...string) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: want %s", node.Line, strings.Join(keys, ", "))
	}
	for i := 0; i < len(node.Content); i += 2 {
		found := false
		for _, k := range keys {
			found = found || node.Content[i].Value == k
		}
		if !found {
			return fmt.Errorf("line %d: %q is not known here: want %s", node.Content[i].Line, node.Content[i].Value, strings.Join(keys, ", "))
		}
	}
	return nil
}
