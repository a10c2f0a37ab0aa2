// Package csvtext decodes what spreadsheets, school systems and device management
// save as CSV. It knows encodings and separators, and no column; collector/people
// and collector/fleet read rosters and exports with it.
package csvtext

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Decode decodes what spreadsheets and school systems save as CSV: UTF-8 with or
// without its mark, and UTF-16, which begins with one ("Unicode text").
func Decode(data []byte) (string, error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
		if i := firstInvalid(data); i >= 0 {
			return "", fmt.Errorf("line %d: not UTF-8 text: save it as \"CSV UTF-8\"", 1+bytes.Count(data[:i], []byte("\n")))
		}
		return string(data), nil
	}
	if data = data[2:]; len(data)%2 != 0 {
		return "", errors.New("it is UTF-16 text with half a character at its end: was it cut short?")
	}
	units := make([]uint16, 0, len(data)/2)
	for len(data) > 0 {
		units = append(units, order.Uint16(data))
		data = data[2:]
	}
	text := string(utf16.Decode(units))
	if i := strings.IndexAny(text, "\x00\uFFFD"); i >= 0 {
		return "", fmt.Errorf("line %d: not UTF-16 text: save it as \"CSV UTF-8\"", 1+strings.Count(text[:i], "\n"))
	}
	return text, nil
}

func firstInvalid(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size <= 1 || r == 0 {
			return i
		}
		i += size
	}
	return -1
}

// Delimiter goes by the first line that is not blank: what stands in it most
// often outside quotation marks. Excel writes semicolons where a comma is the
// decimal point, and tabs as "Unicode text".
func Delimiter(text string) rune {
	counts := map[rune]int{}
	quoted, begun := false, false
	for _, r := range text {
		switch {
		case r == '"':
			quoted = !quoted
		case r == '\n' && begun && !quoted:
			return most(counts)
		case !quoted && (r == ',' || r == ';' || r == '\t'):
			counts[r]++
		}
		begun = begun || r != '\n' && r != '\r'
	}
	return most(counts)
}

func most(counts map[rune]int) rune {
	best := ','
	for _, r := range ";\t" {
		if counts[r] > counts[best] {
			best = r
		}
	}
	return best
}

// Heading writes a column's heading as it is compared: without case, spaces and
// punctuation.
func Heading(cell string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, cell)
}
