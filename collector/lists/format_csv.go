package lists

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
)

// table is comma-separated values (RFC 4180) with names in one column, which the
// subscription states: by its title in the first line, or by its number
// from 1 on. Semicolons and tabs separate too, where the first line has them and
// no comma. A record ends with its line: a text that goes on over lines would let
// one stray quotation mark swallow a file.
type table struct {
	title     string // empty once the column is known
	column    int    // from 0; -1: not known yet
	separator byte
	fields    [][]byte
}

func newTable(member string) (finder, error) {
	if member == "" {
		return nil, errors.New("csv: which column holds the names? Give `column` with its title or its number")
	}
	if n, err := strconv.Atoi(member); err == nil {
		if n < 1 || n > 1000 {
			return nil, errors.New("csv: column: want a column's number from 1 to 1000")
		}
		return &table{column: n - 1}, nil
	}
	return &table{column: -1, title: member}, nil
}

func (t *table) line(text []byte, out *intake) {
	if len(bytes.TrimSpace(text)) == 0 || text[0] == '#' {
		return
	}
	if t.separator == 0 {
		t.separator = separatorOf(text)
	}
	if !t.split(text) {
		out.skip(Broken)
		return
	}
	if t.column < 0 {
		t.find(out)
		return
	}
	if t.column >= len(t.fields) {
		out.skip(NoColumn)
		return
	}
	if name := bytes.TrimSpace(t.fields[t.column]); len(name) > 0 {
		out.name(name)
	}
}

// find looks for the column's title. Without it nothing can be read.
func (t *table) find(out *intake) {
	for i, f := range t.fields {
		if strings.EqualFold(strings.TrimSpace(string(f)), t.title) {
			t.column = i
			return
		}
	}
	out.fail("csv: its first line has no column %q: give `column` with a title that is there, or a number", t.title)
}

func separatorOf(first []byte) byte {
	for _, c := range []byte(",;\t") {
		if bytes.IndexByte(first, c) >= 0 {
			return c
		}
	}
	return ','
}

// split splits a line into fields; false: a quotation mark is never closed.
func (t *table) split(text []byte) bool {
	t.fields = t.fields[:0]
	for {
		if len(text) > 0 && text[0] == '"' {
			end := closing(text)
			if end < 0 {
				return false
			}
			t.fields = append(t.fields, text[1:end])
			text = text[end+1:]
		} else {
			end := bytes.IndexByte(text, t.separator)
			if end < 0 {
				end = len(text)
			}
			t.fields = append(t.fields, text[:end])
			text = text[end:]
		}
		if len(text) == 0 {
			return true
		}
		if text[0] != t.separator {
			return false
		}
		text = text[1:]
	}
}

// closing finds the mark that closes a quoted field. A doubled one stands for
// itself; no name holds any, so that it is left as it is.
func closing(text []byte) int {
	for i := 1; i < len(text); i++ {
		if text[i] != '"' {
			continue
		}
		if i+1 == len(text) || text[i+1] != '"' {
			return i
		}
		i++
	}
	return -1
}
