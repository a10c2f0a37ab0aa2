package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxFile is far above any category a person could keep in order; it bounds
// what a broken or hostile pack can make the parser do.
const maxFile = 1 << 20

// reader walks one file's YAML and collects what is wrong with it, so that a
// technician sees every mistake at once and not one a run.
type reader struct {
	file     string
	problems Problems
	scoped   []scopeWord
}

func (r *reader) at(n *yaml.Node) pos { return pos{r.file, n.Line, n.Column} }

func (r *reader) bad(n *yaml.Node, what, mend string) {
	r.problems = append(r.problems, r.at(n).problem(what, mend))
}

func (r *reader) badFile(line int, what, mend string) {
	col := min(line, 1)
	r.problems = append(r.problems, Problem{File: r.file, Line: line, Col: col, What: what, Mend: mend})
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

// document reads the file's one YAML document; nil means a problem was noted.
func (r *reader) document(data []byte) *yaml.Node {
	if len(data) > maxFile {
		r.badFile(0, fmt.Sprintf("file of %d bytes", len(data)), fmt.Sprintf("want at most %d: split the category", maxFile))
		return nil
	}
	if !utf8.Valid(data) {
		r.badFile(0, "text is not UTF-8", "save the file as UTF-8")
		return nil
	}
	doc, err := decode(data)
	switch {
	case errors.Is(err, io.EOF):
		r.badFile(0, "file is empty", "write a category, or delete the file")
		return nil
	case err != nil:
		m := yamlLine.FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " "))
		line, what := 0, err.Error()
		if m != nil {
			line, _ = strconv.Atoi(m[1])
			what = m[2]
		}
		r.badFile(max(line, 1), "reading YAML: "+what, "check indentation, colons and quotes")
		return nil
	}
	return doc
}

// decode turns a panic of the YAML library into an error: a pack comes from
// outside and must not stop an agent.
func decode(data []byte) (doc *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			doc, err = nil, fmt.Errorf("yaml: not readable (%v)", p)
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var n, more yaml.Node
	if err := dec.Decode(&n); err != nil {
		return nil, err
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("yaml: more than one document in the file")
	}
	if n.Kind != yaml.DocumentNode || len(n.Content) != 1 {
		return nil, io.EOF
	}
	return n.Content[0], nil
}

// fields is a mapping's values by key.
type fields struct {
	node *yaml.Node
	by   map[string]*yaml.Node
}

// mapping reads a mapping whose keys must be among keys.
func (r *reader) mapping(n *yaml.Node, what string, keys ...string) (fields, bool) {
	if n.Kind != yaml.MappingNode {
		r.bad(n, what+" is "+kindName(n), "want keys and values: "+strings.Join(keys, ", "))
		return fields{}, false
	}
	f := fields{node: n, by: make(map[string]*yaml.Node, len(n.Content)/2)}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case !slices.Contains(keys, k.Value) || k.Kind != yaml.ScalarNode:
			r.bad(k, fmt.Sprintf("unknown key %q", clip(k.Value)), meant(k.Value, keys)+"want one of "+strings.Join(keys, ", "))
		case f.by[k.Value] != nil:
			r.bad(k, fmt.Sprintf("key %q stands twice", k.Value), "keep one of them")
		default:
			f.by[k.Value] = v
		}
	}
	return f, true
}

// meant asks after the key that was probably meant: one slip of the keyboard in
// a short word, two in a longer one.
func meant(word string, keys []string) string {
	best, slips := "", 3
	for _, k := range keys {
		if n := distance(word, k, slips); n < slips && n <= len(k)/3 {
			best, slips = k, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q? ", best)
}

// distance counts the letters to put in, take out, change or swap to make a
// into b, up to limit.
func distance(a, b string, limit int) int {
	if max(len(a)-len(b), len(b)-len(a)) >= limit {
		return limit
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		earlier := before
		before, row = row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(before[j]+cost, before[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], earlier[j-1]+1)
			}
		}
	}
	return min(row[len(b)], limit)
}

// list reads a sequence; a missing one is empty.
func (r *reader) list(n *yaml.Node, what string) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.bad(n, what+" is "+kindName(n), "want a list, each line beginning with a dash")
		return nil
	}
	return n.Content
}

// text reads one line of text of at most limit bytes.
func (r *reader) text(n *yaml.Node, what string, limit int) string {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.bad(n, what+" is "+kindName(n), "want text")
		return ""
	}
	s := strings.TrimSpace(n.Value)
	switch {
	case s == "":
		r.bad(n, what+" is empty", "write it, or leave the line out")
	case len(s) > limit:
		r.bad(n, fmt.Sprintf("%s is %d bytes long", what, len(s)), fmt.Sprintf("want at most %d", limit))
	case strings.ContainsFunc(s, isControl):
		r.bad(n, what+" holds a control character", "want plain text on one line")
	default:
		return s
	}
	return ""
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }

// need reads a text that has to be there.
func (r *reader) need(f fields, key string, limit int) string {
	if n := f.by[key]; n != nil {
		return r.text(n, key, limit)
	}
	r.bad(f.node, "no "+key, "add a line `"+key+": ...`")
	return ""
}

// texts reads a list of texts.
func (r *reader) texts(n *yaml.Node, what string, limit int) []string {
	var out []string
	for _, e := range r.list(n, what) {
		if s := r.text(e, "a line of "+what, limit); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// number reads a whole number from least to most; without a node, it is usual.
func (r *reader) number(n *yaml.Node, what string, least, most, usual int) int {
	if n == nil {
		return usual
	}
	s := r.text(n, what, 16)
	if s == "" {
		return usual
	}
	v, err := strconv.Atoi(s)
	if err != nil || v < least || v > most {
		r.bad(n, fmt.Sprintf("%s %q", what, s), fmt.Sprintf("want a whole number from %d to %d", least, most))
		return usual
	}
	return v
}

// yes reads true or false; without a node, it is usual.
func (r *reader) yes(n *yaml.Node, what string, usual bool) bool {
	if n == nil {
		return usual
	}
	return r.choice(n, what, "true", "false") == "true"
}

// choice reads a word that must be one of words.
func (r *reader) choice(n *yaml.Node, what string, words ...string) string {
	s := r.text(n, what, 64)
	if s != "" && !slices.Contains(words, s) {
		r.bad(n, fmt.Sprintf("%s %q", what, s), "want one of "+strings.Join(words, ", "))
		return ""
	}
	return s
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a set of keys"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias, which packs do not use"
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return "empty"
		}
		return "text"
	}
	return "not readable"
}

func clip(s string) string {
	if len(s) > 40 {
		return clipTo(s, 40) + "..."
	}
	return s
}

// clipTo cuts s to at most n bytes, between letters.
func clipTo(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "")
	}
	return s
}
