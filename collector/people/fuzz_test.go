package people

import (
	"testing"
	"unicode/utf8"
)

func FuzzReadRoster(f *testing.F) {
	f.Add([]byte("account,name,role,year\npupil1,Invented One,pupil,9\nteacher1,Invented Two,staff,\n"))
	f.Add([]byte("\xef\xbb\xbfpupil1,\"Two\nlines\",pupil,13"))
	f.Add([]byte("a,b,c\n\"broken"))
	f.Add([]byte("\xff\xfea\x00,\x00b\x00"))
	f.Add([]byte("Username;Name;Role;Class;Connections\np1;A;pupil;\"x|y;z\";b\np1;A;pupil;w;b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		roster, err := ReadRoster("pupils.csv", data)
		list := roster.People
		if err != nil && list != nil {
			t.Error("people beside an error: a roster is read whole or not at all")
		}
		seen := map[string]bool{}
		for _, p := range list {
			if p.Account == "" || seen[p.Account] || !utf8.ValidString(p.Name) || len(p.Groups) > maxGroups {
				t.Errorf("took %+v", p)
			}
			seen[p.Account] = true
		}
	})
}
