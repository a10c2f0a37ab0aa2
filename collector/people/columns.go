package people

import (
	"fmt"
	"slices"
	"strings"

	"safelight/collector/csvtext"
)

// column is what a column of a roster says.
type column int

const (
	ignored column = iota // kept nowhere
	account
	name
	forename
	surname
	role
	year
	keyStage
	groups
	site
	connections
	reference
)

// header is a roster's first line where it has none.
var header = []column{account, name, role, year}

const wanted = "account,name,role,year (and groups, key stage, site, connections, reference)"

// aliases are the headings by which school systems, directories and cloud consoles
// export the columns, without case, spaces and punctuation. "UPN" is a pupil's
// number in a school, whatever it is in a directory.
var aliases = map[column][]string{
	account: {
		"account", "accounts", "username", "user", "userid", "login", "loginname", "logonname", "networklogin", "samaccountname",
		"userprincipalname", "email", "emailaddress", "schoolemail", "workemail", "primaryemail", "mail",
	},
	name:     {"name", "fullname", "displayname", "pupilname", "studentname", "staffname", "legalname", "preferredname"},
	forename: {"forename", "firstname", "givenname", "preferredforename", "legalforename", "chosenforename"},
	surname:  {"surname", "lastname", "familyname", "preferredsurname", "legalsurname", "chosensurname"},
	role:     {"role", "persontype", "usertype"},
	year:     {"year", "yeargroup", "ncyear", "nationalcurriculumyear", "yeartaughtin", "curriculumyear", "yr"},
	keyStage: {"keystage", "ks"},
	groups: {
		"groups", "group", "classes", "class", "classmemberships", "teachinggroups", "sets", "registrationgroup", "regform", "reggroup",
		"form", "formgroup", "tutorgroup", "registration",
	},
	site:        {"site", "campus", "schoolsite"},
	connections: {"connections", "connection", "connectedaccounts", "relatives"},
	reference:   {"reference", "ref", "upn", "uniquepupilnumber", "admissionnumber", "admissionno", "adno", "misid", "personid", "pupilid", "studentid", "staffid", "employeeid", "staffcode"},
}

// several are columns of which a file may have more than one; their values add up.
var several = []column{ignored, account, groups}

var columnOf = func() map[string]column {
	all := map[string]column{}
	for c, names := range aliases {
		for _, n := range names {
			all[n] = c
		}
	}
	return all
}()

// readHeader reads a first line that names columns: an account's and at least one
// more. Any other is a person's line, of a file without a header.
func readHeader(cells []string) (columns []column, ignoring []string, is bool, err error) {
	seen := map[column]string{}
	for _, cell := range cells {
		c := columnOf[csvtext.Heading(cell)]
		if first, twice := seen[c]; twice && !slices.Contains(several, c) {
			err = fmt.Errorf("the columns %q and %q say the same: remove one of them", first, strings.TrimSpace(cell))
		}
		if c == ignored && strings.TrimSpace(cell) != "" {
			ignoring = append(ignoring, strings.TrimSpace(cell))
		}
		seen[c] = strings.TrimSpace(cell)
		columns = append(columns, c)
	}
	delete(seen, ignored)
	if _, has := seen[account]; !has || len(seen) < 2 {
		return nil, nil, false, nil
	}
	if err != nil {
		return nil, nil, true, err
	}
	_, whole := seen[name]
	_, first := seen[forename]
	_, last := seen[surname]
	if !whole && (!first || !last) {
		return nil, nil, true, fmt.Errorf("no column holds names: want name, or forename and surname, among %s", strings.Join(cells, ", "))
	}
	return columns, ignoring, true, nil
}
