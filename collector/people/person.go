package people

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"safelight/collector/csvtext"
	"safelight/collector/model"
)

const (
	// lastYear is the highest year group, the second of the sixth form.
	lastYear = 13
	// reception is the year before the first, of key stage 0.
	reception = "R"
)

var columnNames = map[column]string{
	account: "account", name: "name", forename: "forename", surname: "surname", role: "role", year: "year", keyStage: "key stage",
	groups: "groups", site: "site", connections: "connections", reference: "reference",
}

// row is a line's values by what they say.
type row map[column][]string

func (r row) one(c column) string {
	if len(r[c]) == 0 {
		return ""
	}
	return r[c][0]
}

func readPerson(columns []column, cells []string) (p model.Person, err error) {
	values := row{}
	for i, cell := range cells {
		if i >= len(columns) || columns[i] == ignored {
			continue
		}
		cell = strings.TrimSpace(cell)
		if err := checkCell(columnNames[columns[i]], cell); err != nil {
			return p, err
		}
		if cell != "" {
			values[columns[i]] = append(values[columns[i]], cell)
		}
	}
	p.Name, p.Site, p.Reference = nameOf(values), values.one(site), values.one(reference)
	switch {
	case len(values[account]) == 0:
		return p, errors.New("account is empty: want the name the person signs in with")
	case p.Name == "":
		return p, errors.New("name is empty: want the person's name")
	}
	if p.Account, p.Also, err = accountsOf(values[account]); err != nil {
		return p, err
	}
	if p.Year, err = yearOf(values.one(year)); err != nil {
		return p, err
	}
	if p.Role, err = roleOf(values, slices.Contains(columns, role), p.Year); err != nil {
		return p, err
	}
	if p.KeyStage, err = keyStageOf(values.one(keyStage), p.Year); err != nil {
		return p, err
	}
	if p.Groups, err = groupsOf(values[groups]); err != nil {
		return p, err
	}
	p.Connections, err = connectionsOf(values.one(connections), p)
	return p, err
}

// checkCell refuses what a spreadsheet would run when somebody opens a list
// that this value has come into.
func checkCell(column, cell string) error {
	for _, one := range append(list(cell), cell) { // what holds several is shown one by one too
		if one != "" && strings.ContainsRune("=+-@", rune(one[0])) {
			return fmt.Errorf("%s begins with %q, like a formula: want plain text", column, one[:1])
		}
	}
	if strings.ContainsFunc(cell, turns) {
		return fmt.Errorf("%s holds a control character or a line break: want plain text", column)
	}
	limit := cellChars
	if column == "groups" || column == "connections" || column == "account" {
		limit = 20 * cellChars
	}
	if n := utf8.RuneCountInString(cell); n > limit {
		return fmt.Errorf("%s has %d characters: want at most %d", column, n, limit)
	}
	return nil
}

// turns says whether a character breaks the line that it is shown in, or turns what
// stands beside it round (UAX #9): one name could then be read as another.
func turns(r rune) bool {
	return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x2028 || r == 0x2029
}

func nameOf(values row) string {
	if whole := values.one(name); whole != "" {
		return whole
	}
	return strings.TrimSpace(values.one(forename) + " " + values.one(surname))
}

// list splits a value that holds several.
func list(cell string) (all []string) {
	for one := range strings.FieldsFuncSeq(cell, func(r rune) bool { return r == ';' || r == '|' }) {
		if one = strings.TrimSpace(one); one != "" {
			all = append(all, one)
		}
	}
	return all
}

// accountsOf takes one person's accounts. Those that differ in their domain alone
// are one: devices and clouds write it in their own ways.
func accountsOf(cells []string) (first string, also []string, err error) {
	seen := map[string]bool{}
	for _, cell := range cells {
		for _, one := range list(cell) {
			if err := checkAccount(one); err != nil {
				return "", nil, err
			}
			if bare := model.BareAccount(one); !seen[bare] {
				seen[bare] = true
				also = append(also, one)
			}
		}
	}
	if len(also) == 0 || len(also) > 10 {
		return "", nil, fmt.Errorf("%d accounts: want 1 to 10, separated by semicolons", len(also))
	}
	if len(also) == 1 {
		return also[0], nil, nil
	}
	return also[0], also[1:], nil
}

func checkAccount(account string) error {
	if n := utf8.RuneCountInString(account); n > cellChars {
		return fmt.Errorf("account has %d characters: want at most %d", n, cellChars)
	}
	if bare := model.BareAccount(account); bare == "" || strings.ContainsAny(bare, `\@ `) && strings.ContainsAny(account, `\@`) {
		return fmt.Errorf(`account %q: want user, DOMAIN\user or user@domain`, account)
	}
	return nil
}

// yearOf reads "9", "Year 9", "Y9", "Reception", which is R. Nursery is no year.
func yearOf(cell string) (string, error) {
	word := strings.ToLower(strings.TrimSpace(cell))
	for _, prefix := range []string{"year", "yr", "y"} {
		if rest, ok := strings.CutPrefix(word, prefix); ok {
			word = strings.TrimSpace(rest)
			break
		}
	}
	switch word {
	case "r", "reception":
		return reception, nil
	case "", "n", "n1", "n2", "nursery":
		return "", nil
	}
	n, err := strconv.Atoi(word)
	if err != nil || n < 1 || n > lastYear || strconv.Itoa(n) != word {
		return "", fmt.Errorf("year %q: want a number from 1 to %d, or R", cell, lastYear)
	}
	return word, nil
}

// roleOf reads the role. A file without the column is a list of pupils, and says
// so by giving each a year.
func roleOf(values row, column bool, year string) (model.Role, error) {
	r := model.Role(values.one(role))
	if !column {
		if year == "" {
			return "", errors.New("no role, and no year by which a pupil would be known: add a column role")
		}
		return model.RolePupil, nil
	}
	if !slices.Contains(model.Roles, r) {
		return "", fmt.Errorf("role %q: want one of %s", values.one(role), roleWords())
	}
	if year != "" && r != model.RolePupil && r != model.RoleAdultLearner {
		return "", fmt.Errorf("year %s for the role %s: only pupils and adult learners are in one; which of the two is right?", year, r)
	}
	return r, nil
}

func roleWords() string {
	words := make([]string, len(model.Roles))
	for i, role := range model.Roles {
		words[i] = string(role)
	}
	return strings.Join(words, ", ")
}

// keyStageOf reads "3" or "KS3" or, where the roster says nothing, goes by the
// year. A school may begin one a year early.
func keyStageOf(cell, year string) (string, error) {
	usual := keyStageOfYear(year)
	word := csvtext.Heading(cell)
	for _, prefix := range []string{"keystage", "ks"} {
		word = strings.TrimPrefix(word, prefix)
	}
	if word == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(word)
	if err != nil || n < 0 || n > 5 {
		return "", fmt.Errorf("key stage %q: want a number from 0 to 5", cell)
	}
	if usual != "" {
		if k, _ := strconv.Atoi(usual); n < k-1 || n > k+1 {
			return "", fmt.Errorf("key stage %s in year %s: it would be %s; which of the two is right?", word, year, usual)
		}
	}
	return word, nil
}

// keyStageOfYear is the national curriculum's: years 1-2, 3-6, 7-9, 10-11, and the
// sixth form.
func keyStageOfYear(year string) string {
	n, err := strconv.Atoi(year)
	switch {
	case year == reception:
		return "0"
	case err != nil:
		return ""
	case n <= 2:
		return "1"
	case n <= 6:
		return "2"
	case n <= 9:
		return "3"
	case n <= 11:
		return "4"
	}
	return "5"
}

func groupsOf(cells []string) (all []string, err error) {
	for _, cell := range cells {
		for _, one := range list(cell) {
			group := FoldGroup(one)
			if n := utf8.RuneCountInString(group); n > 60 {
				return nil, fmt.Errorf("group %q has %d characters: want at most 60; groups are separated by semicolons", one, n)
			}
			if !slices.Contains(all, group) {
				all = append(all, group)
			}
		}
	}
	if len(all) > maxGroups {
		return nil, fmt.Errorf("%d groups: want at most %d", len(all), maxGroups)
	}
	return all, nil
}

// FoldGroup brings a group's name into the one form in which it is stored and
// compared: lower case, single spaces.
func FoldGroup(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }

func connectionsOf(cell string, p model.Person) (all []string, err error) {
	for _, one := range list(cell) {
		if err := checkAccount(one); err != nil {
			return nil, fmt.Errorf("connections: %w", err)
		}
		if slices.ContainsFunc(p.Accounts(), func(own string) bool { return model.FoldAccount(own) == model.FoldAccount(one) }) {
			return nil, fmt.Errorf("connections: %q is the person's own account", one)
		}
		all = append(all, one)
	}
	if len(all) > 20 {
		return nil, fmt.Errorf("%d connections: want at most 20", len(all))
	}
	return all, nil
}
