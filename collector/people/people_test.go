package people

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
)

func TestRosterIsRead(t *testing.T) {
	want := []model.Person{
		{Account: "a.pupil", Name: "Ann Invented", Role: model.RolePupil, Year: "9"},
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
	} {
		got, err := ReadRoster("pupils.csv", []byte(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
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
		"semicolons":           {"a.pupil;Ann;pupil;9\n", "line 1: 1 values: want 4, separated by commas"},
		"formula":              {good + "b,=HYPERLINK(1),pupil,9\n", `line 2: name begins with "=", like a formula`},
		"formula account":      {good + "@SUM,Bo,pupil,9\n", `line 2: account begins with "@"`},
		"formula after space":  {good + "b, +1,pupil,9\n", `line 2: name begins with "+"`},
		"line break in a name": {good + "b,\"Bo\nX\",pupil,9\n", "line 2: name holds a control character"},
		"stray quote":          {good + "b,B\"o,pupil,9\n", "line 2: a quotation mark is out of place"},
		"open quote":           {good + "b,\"Bo,pupil,9\n", "a quotation mark is out of place"},
		"other encoding":       {good + "b,J\xfcrgen,pupil,9\n", "line 2: not UTF-8"},
		"UTF-16":               {"\xff\xfea\x00,\x00", "line 1: not UTF-8"},
		"zero byte":            {good + "b,B\x00o,pupil,9\n", "line 2: not UTF-8"},
		"long name":            {good + "b," + strings.Repeat("x", 256) + ",pupil,9\n", "line 2: name has 256 characters"},
		"empty":                {"", "nobody in it"},
		"header only":          {"account,name,role,year\n", "nobody in it"},
		"huge":                 {strings.Repeat("x", rosterBytes+1), "bytes: want at most"},
	} {
		got, err := ReadRoster("pupils.csv", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || got != nil {
			t.Errorf("%s: %v, %v; want nothing and %q", name, got, err, c.want)
		}
	}
}

// storeFunc is a Store made of one func.
type storeFunc func(account string) (model.Subject, bool, error)

func (f storeFunc) SubjectByAccount(_ context.Context, _ model.SchoolID, account string) (model.Subject, bool, error) {
	return f(account)
}

func TestAccountIsResolvedWithoutAName(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	resolver := NewResolver(storeFunc(func(account string) (model.Subject, bool, error) {
		switch account {
		case "known":
			return model.Subject{ID: "pseudonym", Account: "known", Name: "Ann Invented", Role: model.RolePupil, Year: "9", Known: true}, true, nil
		case "seen":
			return model.Subject{ID: "other", Account: "seen", Role: model.RoleUnknown}, true, nil
		case "broken":
			return model.Subject{}, false, errors.New("disk")
		}
		return model.Subject{}, false, nil
	}))
	got, err := resolver.ResolveAccount(t.Context(), "hill-lane", "known", now)
	if err != nil || !got.GetKnown() || got.GetPseudonym() != "pseudonym" || got.GetRole() != "pupil" || got.GetYear() != "9" ||
		got.GetSchool() != "hill-lane" || !got.GetExpires().AsTime().After(now) || strings.Contains(got.String(), "Invented") {
		t.Errorf("known: %v, %v", got, err)
	}
	for _, account := range []string{"seen", "never seen"} {
		got, err := resolver.ResolveAccount(t.Context(), "hill-lane", account, now)
		if err != nil || got.GetKnown() || got.GetPseudonym() != "" || got.GetRole() != "" || !got.GetExpires().AsTime().After(now) {
			t.Errorf("%s: %v, %v; want not known", account, got, err)
		}
	}
	if _, err := resolver.ResolveAccount(t.Context(), "hill-lane", "broken", now); err == nil {
		t.Error("a broken store resolved an account")
	}
}
