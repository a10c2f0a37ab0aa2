package lists

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// finder finds names in one line of a list, and hands what it finds to out.
// Lines come without their ends, and are its own until it returns.
type finder interface {
	line(text []byte, out *intake)
}

// formats are the formats there are. member is what a subscription says beside
// its format: the folder of an archive, the column of a table.
var formats = map[string]func(member string) (finder, error){
	"domains": func(string) (finder, error) { return domains{}, nil },
	"hosts":   func(string) (finder, error) { return hosts{}, nil },
	"adblock": func(string) (finder, error) { return adblock{}, nil },
	"rpz":     func(string) (finder, error) { return &rpz{}, nil },
	"csv":     newTable,
}

// squidguard is the one format that is an archive of texts.
const squidguard = "squidguard"

// Formats lists the formats there are.
func Formats() []string {
	return append(slices.Sorted(maps.Keys(formats)), squidguard) // which is the last by the alphabet too
}

// read takes in a list of a format from its text, packed or not.
func read(r io.Reader, format, member string, limits Limits, out *intake) error {
	text, err := unpack(r, limits)
	if err != nil {
		return err
	}
	if format == squidguard {
		return readArchive(text, member, limits, out)
	}
	begin, ok := formats[format]
	if !ok {
		return fmt.Errorf("format %q: want one of %s", format, strings.Join(Formats(), ", "))
	}
	f, err := begin(member)
	if err != nil {
		return err
	}
	return readText(text, f, out)
}

// readText takes in every line of a text.
func readText(r io.Reader, f finder, out *intake) error {
	all := newLines(r)
	for first := true; ; first = false {
		text, long, err := all.next()
		if err == io.EOF { //nolint:errorlint // next returns it bare
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading line %d: %w", out.summary.Lines+1, err)
		}
		out.summary.Lines++
		if long {
			out.skip(TooLong)
			continue
		}
		if first {
			text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // as editors of Windows begin a file
		}
		f.line(text, out)
		if out.err != nil {
			return out.err
		}
	}
}

// beforeComment cuts a line at a comment that begins with one of marks, at the
// line's beginning or after a space.
func beforeComment(text []byte, marks string) []byte {
	for i, c := range text {
		if strings.IndexByte(marks, c) >= 0 && (i == 0 || text[i-1] == ' ' || text[i-1] == '\t') {
			return text[:i]
		}
	}
	return text
}
