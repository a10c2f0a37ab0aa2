// Package people knows who is who: it reads a school's roster, and answers a
// device that asks how an account is to be judged. It knows only what the
// roster says; timetables, sites and exemptions have no place here yet. The
// roster itself never goes to a device. collector/server and the verbs use it.
package people

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"safelight/collector/model"
)

// header is a roster's first line, which may be left out.
var header = []string{"account", "name", "role", "year"}

const (
	// rosterBytes is how large a roster may be: some 300,000 people.
	rosterBytes = 16 << 20
	// cellChars is how long an account or a name may be.
	cellChars = 255
	// lastYear is the highest year group, the second of the sixth form.
	lastYear = 13
)

// ReadRoster reads a roster, a CSV file of account,name,role,year. name is the
// file's, for errors, which say the line and how to mend it. One wrong line and
// nothing is read: a roster is imported whole or not at all.
func ReadRoster(name string, data []byte) ([]model.Person, error) {
	people, err := readRoster(data)
	if err != nil {
		return nil, fmt.Errorf("reading roster %s: %w", name, err)
	}
	return people, nil
}

func readRoster(data []byte) ([]model.Person, error) {
	if len(data) > rosterBytes {
		return nil, fmt.Errorf("%d bytes: want at most %d; is this the right file?", len(data), rosterBytes)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if i := firstInvalid(data); i >= 0 {
		return nil, fmt.Errorf("line %d: not UTF-8 text: save it as \"CSV UTF-8\"", 1+bytes.Count(data[:i], []byte("\n")))
	}
	lines := csv.NewReader(bytes.NewReader(data))
	lines.FieldsPerRecord = -1
	var people []model.Person
	firstSeen := make(map[string]int)
	for {
		cells, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, lineError(err)
		}
		line, _ := lines.FieldPos(0)
		if len(firstSeen) == 0 && isHeader(cells) {
			continue
		}
		person, err := readPerson(cells)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		account := model.FoldAccount(person.Account)
		if earlier, ok := firstSeen[account]; ok {
			return nil, fmt.Errorf("line %d: the account of line %d again (upper and lower case are the same): want each once", line, earlier)
		}
		firstSeen[account] = line
		people = append(people, person)
	}
	if len(people) == 0 {
		return nil, fmt.Errorf("nobody in it: want lines of %s", strings.Join(header, ","))
	}
	return people, nil
}

// lineError keeps the line of a malformed one, and leaves out what it holds.
func lineError(err error) error {
	var malformed *csv.ParseError
	if errors.As(err, &malformed) {
		return fmt.Errorf("line %d: a quotation mark is out of place: quote a whole value or none of it", malformed.Line)
	}
	return err
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

func isHeader(cells []string) bool {
	return slices.EqualFunc(cells, header, func(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), b) })
}

func readPerson(cells []string) (model.Person, error) {
	if len(cells) != len(header) {
		return model.Person{}, fmt.Errorf("%d values: want %d, separated by commas: %s", len(cells), len(header), strings.Join(header, ","))
	}
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
		if err := checkCell(header[i], cells[i]); err != nil {
			return model.Person{}, err
		}
	}
	p := model.Person{Account: cells[0], Name: cells[1], Role: model.Role(cells[2]), Year: cells[3]}
	switch {
	case p.Account == "":
		return p, errors.New("account is empty: want the name the person signs in with")
	case p.Name == "":
		return p, errors.New("name is empty: want the person's name")
	case !slices.Contains(model.Roles, p.Role):
		return p, fmt.Errorf("role %q: want one of %s", cells[2], roleWords())
	}
	return p, checkYear(p.Year)
}

// checkCell refuses what a spreadsheet would run when somebody opens a list
// that this value has come into.
func checkCell(column, cell string) error {
	if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
		return fmt.Errorf("%s begins with %q, like a formula: want plain text", column, cell[:1])
	}
	if strings.ContainsFunc(cell, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("%s holds a control character or a line break: want plain text", column)
	}
	if n := utf8.RuneCountInString(cell); n > cellChars {
		return fmt.Errorf("%s has %d characters: want at most %d", column, n, cellChars)
	}
	return nil
}

func checkYear(year string) error {
	if year == "" {
		return nil
	}
	n, err := strconv.Atoi(year)
	if err != nil || n < 1 || n > lastYear || strconv.Itoa(n) != year {
		return fmt.Errorf("year %q: want a number from 1 to %d", year, lastYear)
	}
	return nil
}

func roleWords() string {
	words := make([]string, len(model.Roles))
	for i, role := range model.Roles {
		words[i] = string(role)
	}
	return strings.Join(words, ", ")
}
