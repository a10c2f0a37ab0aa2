package policy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"safelight/collector/model"
	"safelight/internal/event"
	"safelight/internal/rules"
)

const (
	// suggestedWords is how many words beside the match an allow phrase takes in.
	suggestedWords = 3
	// suggestionsShown bounds the list.
	suggestionsShown = 50
)

// Suggestions are allow phrases and allowed domains that would quiet alerts which
// were *not what they looked like*, for a person who may see those alerts. They
// hold words that a pupil searched for: the look is the caller's to put on record
// before.
//
// None is made where it would quiet a rule's own words alone, a line that a test
// says must be flagged, somebody asking for help (G1), or a locked category.
func (w *Workflow) Suggestions(ctx context.Context, by model.User) ([]model.RuleSuggestion, error) {
	side, err := w.Find(ctx, InForceName)
	if err != nil {
		return nil, fmt.Errorf("suggesting what to allow: %w", err)
	}
	o, err := outlineOf(side)
	if err != nil {
		return nil, fmt.Errorf("suggesting what to allow: %w", err)
	}
	s := suggester{categories: byID(o), seen: map[candidate]map[string]bool{}}
	err = w.store.EachUnfounded(ctx, w.school, by, func(ref string, e model.Event) error {
		s.see(ref, e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("suggesting what to allow: %w", err)
	}
	return s.best(), nil
}

// candidate is something that could be allowed.
type candidate struct{ category, rule, kind, text string }

// The kinds of suggestion.
const (
	allowPhrase = "allow-phrase"
	allowDomain = "allow-domain"
)

type suggester struct {
	categories map[string]rules.OutlineCategory
	seen       map[candidate]map[string]bool // by the alerts it would have quieted
	groups     [][]candidate                 // of each event
}

func (s *suggester) see(ref string, e model.Event) {
	c, ok := s.categories[e.Category]
	if !ok || c.Locked || e.Help || e.Erased || e.Unlisted {
		return
	}
	var group []candidate
	switch e.Kind {
	case event.Domain:
		group = []candidate{{e.Category, e.Rule, allowDomain, strings.ToLower(e.Name)}}
	case event.Search:
		for _, text := range beside(e.Name, e.Match) {
			if !mustFlag(c, text) {
				group = append(group, candidate{e.Category, e.Rule, allowPhrase, text})
			}
		}
	}
	for _, one := range group {
		if s.seen[one] == nil {
			s.seen[one] = map[string]bool{}
		}
		s.seen[one][ref] = true
	}
	if len(group) > 0 {
		s.groups = append(s.groups, group)
	}
}

// best takes of each event's candidates the one that the most alerts have in
// common, and of equals the longest: it lets the least through.
func (s *suggester) best() []model.RuleSuggestion {
	chosen := map[candidate]bool{}
	for _, group := range s.groups {
		chosen[slices.MaxFunc(group, func(a, b candidate) int {
			return cmp.Or(cmp.Compare(len(s.seen[a]), len(s.seen[b])), cmp.Compare(len(a.text), len(b.text)), cmp.Compare(b.text, a.text))
		})] = true
	}
	all := make([]model.RuleSuggestion, 0, len(chosen))
	for c := range chosen {
		cat := s.categories[c.category]
		all = append(all, model.RuleSuggestion{
			Category: c.category, Title: cat.Title, Rule: c.rule, Kind: c.kind, Text: c.text, Write: c.write(),
			Alerts: len(s.seen[c]), TwoPeople: grave(cat) || cat.Severity >= event.High,
		})
	}
	slices.SortFunc(all, func(a, b model.RuleSuggestion) int {
		return cmp.Or(cmp.Compare(b.Alerts, a.Alerts), cmp.Compare(a.Category, b.Category), cmp.Compare(a.Text, b.Text), cmp.Compare(a.Rule, b.Rule))
	})
	return all[:min(len(all), suggestionsShown)]
}

// write is the line for the category's file.
func (c candidate) write() string {
	if c.kind == allowDomain {
		return "domains: [{allow: [" + c.text + "]}]"
	}
	return "allow: [" + strconv.Quote(c.text) + "]"
}

// beside gives the match with one to suggestedWords words beside it, as they stand
// in the text; nothing where the text is the match alone.
func beside(text, match string) []string {
	start := strings.Index(text, match)
	if start < 0 || match == "" {
		return nil
	}
	end := start + len(match)
	spans := wordSpans(text)
	left, right := len(spans), -1 // the words that the match lies in
	for i, s := range spans {
		if s[1] > start && s[0] < end {
			left, right = min(left, i), i
		}
	}
	if right < 0 {
		return nil
	}
	var all []string
	for l := 0; l <= suggestedWords && left-l >= 0; l++ {
		for r := 0; l+r <= suggestedWords && right+r < len(spans); r++ {
			if l+r > 0 {
				all = append(all, spaced(text[spans[left-l][0]:spans[right+r][1]]))
			}
		}
	}
	return all
}

func wordSpans(text string) [][2]int {
	var spans [][2]int
	start := -1
	for i, r := range text {
		word := unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) || r == '\''
		switch {
		case word && start < 0:
			start = i
		case !word && start >= 0:
			spans, start = append(spans, [2]int{start, i}), -1
		}
	}
	if start >= 0 {
		spans = append(spans, [2]int{start, len(text)})
	}
	return spans
}

// spaced is a text in small letters with single spaces.
func spaced(text string) string { return strings.Join(strings.Fields(strings.ToLower(text)), " ") }

// mustFlag says whether a line that the category's tests flag holds a text.
func mustFlag(c rules.OutlineCategory, text string) bool {
	return slices.ContainsFunc(c.Hits, func(line string) bool { return strings.Contains(" "+spaced(line)+" ", " "+text+" ") })
}
