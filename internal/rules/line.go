package rules

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"safelight/internal/event"
)

// LineVerdict is a line of `judge`'s answer. Every field is always there; what
// a verdict has not is empty.
type LineVerdict struct {
	Kind     string `json:"kind"`
	Text     string `json:"text"`
	Verdict  string `json:"verdict"`
	Category string `json:"category"`
	Severity string `json:"severity"`
	Rule     string `json:"rule"`
	Match    string `json:"match"`
	Why      string `json:"why"`
	// What a verdict says of itself beyond that.
	ReadAs string   `json:"read_as"`
	How    []string `json:"how"`
	List   string   `json:"list"`
	Raised string   `json:"raised"`
}

const maxLine = 64 << 10

// JudgeLine judges a line "kind<TAB>text" as seen by who, whose Kind, Text and
// Exe are not used. The error says what is wrong with the line; the caller
// knows its number.
func (rs *Ruleset) JudgeLine(line string, who Input) (LineVerdict, error) {
	word, text, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "\t")
	if !ok {
		return LineVerdict{}, errors.New("line has no tab: want kind<TAB>text, where kind is domain, process or search")
	}
	kind, err := event.ParseKind(strings.TrimSpace(word))
	if err != nil {
		return LineVerdict{}, err
	}
	text = strings.TrimSpace(text)
	if err := checkText(kind, text); err != nil {
		return LineVerdict{}, err
	}
	who.Kind, who.Text, who.Exe = kind, text, ""
	v := rs.Judge(who)
	out := LineVerdict{
		Kind: string(kind), Text: text, Verdict: string(v.Decision), Category: v.Category,
		Rule: v.Rule, Match: v.Match, Why: v.Why,
		ReadAs: v.ReadAs, How: append([]string{}, v.How...), List: v.List, Raised: v.Raised,
	}
	if v.Severity != 0 {
		out.Severity = v.Severity.String()
	}
	return out, nil
}

// checkText refuses what no device would report as that kind.
func checkText(kind event.Kind, text string) error {
	switch {
	case text == "":
		return fmt.Errorf("%s line has no text after the tab", kind)
	case len(text) > maxLine:
		return fmt.Errorf("%s text of %d bytes: want at most %d", kind, len(text), maxLine)
	case !utf8.ValidString(text):
		return fmt.Errorf("%s text is not UTF-8", kind)
	case kind != event.Domain:
		return nil
	}
	if _, err := cleanHost(text); err != nil {
		return fmt.Errorf("%w: want a name such as www.example.org, without https:// and path", err)
	}
	return nil
}
