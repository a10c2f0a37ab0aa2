package archtest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write NOTICE again")

// extras are what the programs hold beside Go modules.
var extras = []extra{
	{"buf/validate/validate.proto of protovalidate", "proto/buf/validate/LICENSE"},
	{"form components of govuk-frontend 6.6.0, in the console's style sheet", "collector/console/styles/LICENCE-govuk-frontend.txt"},
}

// A licence that is not passed on with the programs is broken by every school
// that installs them.
func TestNoticeHoldsEveryLicenceThatIsLinked(t *testing.T) {
	want, err := released(t).notice([]string{"agent", "collector"}, targets, extras)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(root, "NOTICE")
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("NOTICE is not what the programs link: run make notice\n%s", firstDifference(string(got), want))
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "it has:  " + g[i] + "\nwanted:  " + w[i]
		}
	}
	return "one is cut short"
}

func TestAModuleUnderAnUnknownLicenceIsRefused(t *testing.T) {
	dir := plant(t, map[string]string{"LICENSE": "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n"})
	if _, err := licensedAs("example.com/gpl v1.0.0", filepath.Join(dir, "LICENSE")); err == nil || !strings.Contains(err.Error(), "example.com/gpl") {
		t.Errorf("got %v", err)
	}
	if _, err := licensedAs("example.com/none v1.0.0"); err == nil {
		t.Error("a module without a licence was let pass")
	}
}
