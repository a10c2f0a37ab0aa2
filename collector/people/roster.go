// Package people knows who is who, when and where: it reads a school's roster and
// its timetable, answers a device that asks how an account is to be judged, and
// makes the signed overlays by which devices learn of exemptions, hours and
// sites. The roster itself never goes to a device. collector/server, the admin
// verbs and the console use it; it knows nothing of alerts.
package people

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"safelight/collector/csvtext"
	"safelight/collector/model"
)

const (
	// rosterBytes is how large a roster may be: some 100,000 people.
	rosterBytes = 16 << 20
	// cellChars is how long an account or a name may be.
	cellChars = 255
	// maxGroups is how many groups a person may be in.
	maxGroups = 60
	// maxProblems is how many lines an error tells of.
	maxProblems = 20
)

// ReadRoster reads a roster, a CSV file that says of each account whose it is and
// how it is judged. name is the file's, for errors, which say the line and how to
// mend it, up to twenty at once. One wrong line and nothing is read: a roster is
// imported whole or not at all.
//
// A file without a header has the columns account,name,role,year. With one it may
// have more, in any order and by the names that school systems give them; columns
// that nobody knows are kept nowhere.
func ReadRoster(name string, data []byte) (model.Roster, error) {
	r := &rosterReader{roster: model.Roster{Name: name}, byAccount: map[string]int{}, byReference: map[string]int{}}
	if err := r.read(data); err != nil {
		return model.Roster{}, fmt.Errorf("reading roster %s: %w", name, err)
	}
	return r.roster, nil
}

type rosterReader struct {
	roster      model.Roster
	columns     []column // nil until the first line
	plain       bool     // without a header
	byAccount   map[string]int
	byReference map[string]int
	problems    []error
}

func (r *rosterReader) read(data []byte) error {
	if len(data) > rosterBytes {
		return fmt.Errorf("%d bytes: want at most %d; is this the right file?", len(data), rosterBytes)
	}
	text, err := csvtext.Decode(data)
	if err != nil {
		return err
	}
	lines := csv.NewReader(strings.NewReader(text))
	lines.FieldsPerRecord = -1
	lines.Comma = csvtext.Delimiter(text)
	for len(r.problems) < maxProblems {
		cells, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.Join(append(r.problems, lineError(err))...)
		}
		line, _ := lines.FieldPos(0)
		if err := r.line(cells, line); err != nil {
			r.problems = append(r.problems, fmt.Errorf("line %d: %w", line, err))
		}
	}
	if len(r.problems) == maxProblems {
		r.problems = append(r.problems, errors.New("and perhaps more: these first"))
	}
	if len(r.problems) == 0 && len(r.roster.People) == 0 {
		return fmt.Errorf("nobody in it: want lines of %s", wanted)
	}
	return errors.Join(r.problems...)
}

// lineError keeps the line of a malformed one, and leaves out what it holds.
func lineError(err error) error {
	var malformed *csv.ParseError
	if errors.As(err, &malformed) {
		return fmt.Errorf("line %d: a quotation mark is out of place: quote a whole value or none of it", malformed.Line)
	}
	return err
}

func (r *rosterReader) line(cells []string, line int) error {
	if r.columns == nil {
		columns, ignoring, is, err := readHeader(cells)
		if r.columns, r.roster.Ignored = columns, ignoring; is {
			if err != nil {
				r.columns = header // what follows is judged all the same
			}
			return err
		}
		r.columns, r.plain = header, true
	}
	if r.plain && len(cells) != len(header) || len(cells) > len(r.columns) && !blank(cells[len(r.columns):]) {
		return fmt.Errorf("%d values: want %d, separated by commas, semicolons or tabs: %s", len(cells), len(r.columns), wanted)
	}
	if !r.plain && blank(cells) {
		return nil // spreadsheets save such
	}
	p, err := readPerson(r.columns, cells)
	if err != nil {
		return err
	}
	p.Line = line
	return r.add(p)
}

func blank(cells []string) bool {
	return !slices.ContainsFunc(cells, func(s string) bool { return strings.TrimSpace(s) != "" })
}

// add takes a person in, or says what speaks against it. Where a file has a line
// for each class, the lines of a person differ in nothing else and add up.
func (r *rosterReader) add(p model.Person) error {
	for _, account := range p.Accounts() {
		i, ok := r.byAccount[model.FoldAccount(account)]
		if !ok {
			continue
		}
		earlier := &r.roster.People[i]
		if what := contradiction(*earlier, p); what != "" {
			return fmt.Errorf("the account of line %d again (upper and lower case are the same), with another %s: want each once; remove the line that is out of date", earlier.Line, what)
		}
		added := slices.DeleteFunc(slices.Clone(p.Groups), func(g string) bool { return slices.Contains(earlier.Groups, g) })
		if len(added) == 0 {
			return fmt.Errorf("the account of line %d again (upper and lower case are the same): want each once", earlier.Line)
		}
		if earlier.Groups = append(earlier.Groups, added...); len(earlier.Groups) > maxGroups {
			return fmt.Errorf("with it, the person of line %d is in %d groups: want at most %d", earlier.Line, len(earlier.Groups), maxGroups)
		}
		return nil
	}
	if i, ok := r.byReference[p.Reference]; ok && p.Reference != "" {
		return fmt.Errorf("the reference of line %d again, with another account: one person's accounts stand in one line, separated by semicolons", r.roster.People[i].Line)
	}
	for _, account := range p.Accounts() {
		r.byAccount[model.FoldAccount(account)] = len(r.roster.People)
	}
	r.byReference[p.Reference] = len(r.roster.People)
	r.roster.People = append(r.roster.People, p)
	return nil
}

// contradiction names the first column in which two lines of one account differ,
// the groups apart.
func contradiction(a, b model.Person) string {
	switch {
	case a.Name != b.Name:
		return "name"
	case a.Role != b.Role:
		return "role"
	case a.Year != b.Year:
		return "year"
	case a.KeyStage != b.KeyStage:
		return "key stage"
	case a.Site != b.Site:
		return "site"
	case a.Reference != b.Reference:
		return "reference"
	case !slices.Equal(a.Accounts(), b.Accounts()):
		return "list of accounts"
	case !slices.Equal(a.Connections, b.Connections):
		return "list of connections"
	}
	return ""
}
