package people

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"safelight/collector/model"
)

func TestRosterIsRead(t *testing.T) {
	want := []model.Person{
		{Account: "a.pupil", Name: "Ann Invented", Role: model.RolePupil, Year: "9", KeyStage: "3"},
		{Account: `SCHOOL\b.staff`, Name: "Bo, Invented", Role: model.RoleStaff},
	}
	lines := "a.pupil,Ann Invented,pupil,9\n" + `SCHOOL\b.staff,"Bo, Invented",staff,` + "\n"
	for name, text := range map[string]string{
		"plain":                 lines,
		"with a header":         "account,name,role,year\n" + lines,
		"header in other case":  "Account, Name ,ROLE,Year\n" + lines,
		"byte order mark":       "\xef\xbb\xbfaccount,name,role,year\n" + lines,
		"CRLF":                  strings.ReplaceAll("account,name,role,year\n"+lines, "\n", "\r\n"),
		"blank lines":           "\n" + lines + "\n\n",
		"spaces around":         " a.pupil , Ann Invented , pupil , 9 \n" + `SCHOOL\b.staff,"Bo, Invented",staff,`,
		"no newline at the end": strings.TrimSuffix(lines, "\n"),
		"semicolons":            "a.pupil;Ann Invented;pupil;9\n" + `SCHOOL\b.staff;"Bo, Invented";staff;` + "\n",
		"tabs":                  "a.pupil\tAnn Invented\tpupil\t9\n" + "SCHOOL\\b.staff\tBo, Invented\tstaff\t\n",
		"UTF-16":                utf16le("\uFEFF" + lines),
		"a system's headings":   "Yr,Legal Surname,Forename,DOB,User Name,Role,Email\nYear 9,Invented,Ann,1.1.2013,a.pupil,pupil,A.Pupil@school.example\n,Invented,\"Bo,\",,SCHOOL\\b.staff,staff,\n,,,,,,\n",
	} {
		got, err := ReadRoster("pupils.csv", []byte(text))
		for i := range got.People {
			got.People[i].Line = 0
		}
		if err != nil || !reflect.DeepEqual(got.People, want) {
			t.Errorf("%s: %+v, %v", name, got.People, err)
		}
	}
}

func TestWrongRosterIsRefusedWholeAndSaysWhere(t *testing.T) {
	good := "a.pupil,Ann,pupil,9\n"
	for name, c := range map[string]struct{ text, want string }{
		"letter for a digit":   {strings.Repeat("\n", 12) + good + "b,Bo,pupil,1O\n", `reading roster pupils.csv: line 14: year "1O": want a number from 1 to 13`},
		"year 0":               {good + "b,Bo,pupil,0\n", `line 2: year "0": want a number from 1 to 13`},
		"year 14":              {good + "b,Bo,pupil,14\n", `line 2: year "14"`},
		"year 09":              {good + "b,Bo,pupil,09\n", `line 2: year "09"`},
		"unknown role":         {good + "b,Bo,student,9\n", `line 2: role "student": want one of pupil, adult-learner, staff`},
		"role unknown":         {good + "b,Bo,unknown,9\n", `line 2: role "unknown"`},
		"account twice":        {good + "b,Bo,pupil,8\nA.PUPIL,Other,pupil,8\n", "line 3: the account of line 1 again"},
		"no account":           {good + ",Bo,pupil,9\n", "line 2: account is empty"},
		"no name":              {good + "b,,pupil,9\n", "line 2: name is empty"},
		"too few":              {good + "b,Bo,pupil\n", "line 2: 3 values: want 4"},
		"too many":             {good + "b,Bo,pupil,9,x\n", "line 2: 5 values: want 4"},
		"formula":              {good + "b,=HYPERLINK(1),pupil,9\n", `line 2: name begins with "=", like a formula`},
		"formula account":      {good + "@SUM,Bo,pupil,9\n", `line 2: account begins with "@"`},
		"formula after space":  {good + "b, +1,pupil,9\n", `line 2: name begins with "+"`},
		"formula in a list":    {"account,name,role,groups\na,Ann,pupil,9x;=SUM(1)\n", `line 2: groups begins with "="`},
		"another account":      {"account,name,role\na; @SUM,Ann,pupil\n", `line 2: account begins with "@"`},
		"turned round":         {good + "b,Bo \u202Enna,pupil,9\n", "line 2: name holds a control character"},
		"C1 control":           {good + "b,Bo\u009bX,pupil,9\n", "line 2: name holds a control character"},
		"line break in a name": {good + "b,\"Bo\nX\",pupil,9\n", "line 2: name holds a control character"},
		"stray quote":          {good + "b,B\"o,pupil,9\n", "line 2: a quotation mark is out of place"},
		"open quote":           {good + "b,\"Bo,pupil,9\n", "a quotation mark is out of place"},
		"other encoding":       {good + "b,J\xfcrgen,pupil,9\n", "line 2: not UTF-8"},
		"UTF-16 cut short":     {"\xff\xfea\x00,", "cut short"},
		"UTF-16 in bytes":      {"\xff\xfe\x00\x00", "line 1: not UTF-16"},
		"reference twice":      {"account,name,role,UPN\na,Ann,pupil,Z1\nb,Bo,pupil,Z1\n", "line 3: the reference of line 2 again"},
		"other role again":     {"account,name,role\na,Ann,pupil\nA,Ann,staff\n", "line 3: the account of line 2 again (upper and lower case are the same), with another role"},
		"same line again":      {good + good, "line 2: the account of line 1 again"},
		"staff in a year":      {good + "b,Bo,staff,9\n", "line 2: year 9 for the role staff"},
		"no role, no year":     {"account,name\na,Ann\n", "line 2: no role, and no year"},
		"far key stage":        {"account,name,role,year,ks\na,Ann,pupil,4,KS4\n", "line 2: key stage 4 in year 4: it would be 2"},
		"bad key stage":        {"account,name,role,year,ks\na,Ann,pupil,4,six\n", `line 2: key stage "six"`},
		"own connection":       {"account,name,role,connections\na,Ann,pupil,A\n", "line 2: connections: \"A\" is the person's own"},
		"odd account":          {"account,name,role\na b@x@y,Ann,pupil\n", "line 2: account \"a b@x@y\": want user"},
		"two of a column":      {"account,name,year,year group\na,Ann,9,9\n", `line 1: the columns "year" and "year group" say the same`},
		"no names":             {"account,role,forename\na,pupil,A\n", "line 1: no column holds names"},
		"more than the header": {"account,name,role\na,Ann,pupil,9\n", "line 2: 4 values: want 3"},
		"several at once":      {good + "b,Bo,pupil,0\nc,Cy,pupl,8\n", "line 3: role \"pupl\""},
		"zero byte":            {good + "b,B\x00o,pupil,9\n", "line 2: not UTF-8"},
		"long name":            {good + "b," + strings.Repeat("x", 256) + ",pupil,9\n", "line 2: name has 256 characters"},
		"empty":                {"", "nobody in it"},
		"header only":          {"account,name,role,year\n", "nobody in it"},
		"huge":                 {strings.Repeat("x", rosterBytes+1), "bytes: want at most"},
	} {
		got, err := ReadRoster("pupils.csv", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || got.People != nil {
			t.Errorf("%s: %v, %v; want nothing and %q", name, got, err, c.want)
		}
	}
}

func utf16le(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

func TestRosterSaysMoreThanWhoIsWho(t *testing.T) {
	_, err := ReadRoster("all.csv", []byte("account;name;role;year;groups;Tutor Group;key stage;site;connections;UPN;Ethnicity\n"+
		`"p1;p1@pupils.example;home.p1";Ann;pupil;9;"10B-English; 9x|Choir";9Q;KS4;Manor;"b.staff";A123;x`+"\n"+
		"p2;Bo;pupil;R;;;;;;;\n"+"p1;Ann;pupil;9;Chess;;4;Manor;b.staff;A123;\n"))
	if err == nil || !strings.Contains(err.Error(), "line 4: the account of line 2 again (upper and lower case are the same), with another list of accounts") {
		t.Errorf("a line that leaves accounts out: %v", err)
	}
	got, err := ReadRoster("all.csv", []byte("account;name;role;year;groups;Tutor Group;key stage;site;connections;UPN;Ethnicity\n"+
		`"p1;p1@pupils.example;home.p1";Ann;pupil;9;"10B-English; 9x|Choir";9Q;KS4;Manor;"b.staff";A123;x`+"\n"+
		"p2;Bo;pupil;R;;;;;;;\n"+`"p1;home.p1";Ann;pupil;9;"CHOIR ;Chess  club";;4;Manor;b.staff;A123;`+"\n"))
	want := []model.Person{
		{
			Account: "p1", Also: []string{"home.p1"}, Name: "Ann", Role: model.RolePupil, Year: "9", KeyStage: "4", Site: "Manor", Reference: "A123", Line: 2,
			Groups: []string{"10b-english", "9x", "choir", "9q", "chess club"}, Connections: []string{"b.staff"},
		},
		{Account: "p2", Name: "Bo", Role: model.RolePupil, Year: "R", KeyStage: "0", Line: 3},
	}
	if err != nil || !reflect.DeepEqual(got.People, want) || !slices.Equal(got.Ignored, []string{"Ethnicity"}) {
		t.Errorf("read %+v\nwant %+v\n%v", got, want, err)
	}
}

func TestKeyStageGoesByTheYear(t *testing.T) {
	for year, want := range map[string]string{"": "", "R": "0", "1": "1", "2": "1", "3": "2", "6": "2", "7": "3", "9": "3", "10": "4", "11": "4", "12": "5", "13": "5"} {
		if got := keyStageOfYear(year); got != want {
			t.Errorf("year %q: key stage %q, want %q", year, got, want)
		}
	}
}

// storeFunc is a Store made of one func.
type storeFunc func(account string) (model.KnownAs, bool, error)

func (f storeFunc) KnownAs(_ context.Context, _ model.SchoolID, account string) (model.KnownAs, bool, error) {
	return f(account)
}

func TestAccountIsResolvedWithoutAName(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	resolver := NewResolver(storeFunc(func(account string) (model.KnownAs, bool, error) {
		switch account {
		case "known":
			return model.KnownAs{Subject: "pseudonym", Role: model.RolePupil, Year: "9", Groups: []string{"10b-english"}, Site: "Manor"}, true, nil
		case "broken":
			return model.KnownAs{}, false, errors.New("disk")
		}
		return model.KnownAs{}, false, nil
	}))
	got, err := resolver.ResolveAccount(t.Context(), "hill-lane", "known", now)
	if err != nil || !got.GetKnown() || got.GetPseudonym() != "pseudonym" || got.GetRole() != "pupil" || got.GetYear() != "9" ||
		got.GetSchool() != "hill-lane" || got.GetSite() != "Manor" || !slices.Equal(got.GetGroups(), []string{"10b-english"}) || !got.GetExpires().AsTime().After(now) {
		t.Errorf("known: %v, %v", got, err)
	}
	got, err = resolver.ResolveAccount(t.Context(), "hill-lane", "never seen", now)
	if err != nil || got.GetKnown() || got.GetPseudonym() != "" || got.GetRole() != "" || !got.GetExpires().AsTime().After(now) {
		t.Errorf("%v, %v; want not known", got, err)
	}
	if _, err := resolver.ResolveAccount(t.Context(), "hill-lane", "broken", now); err == nil {
		t.Error("a broken store resolved an account")
	}
}
