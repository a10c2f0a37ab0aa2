package rules

import (
	"slices"
	"strings"
	"testing"
)

func TestG05AListFlagsNothingThatMustBeMissed(t *testing.T) {
	tests := "tests: {hit: [x], miss: [bread, {domain: cook.blades.example}, {domain: mine.example}]}\n"
	files := with("acme/knives.yaml", head+listLine+tests)
	problems := func(listed ...string) (all []string) {
		t.Helper()
		rs, err := CompileWith(files, map[string]NameList{"ut-knives": slices.Values(listed)})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range rs.CheckLists() {
			all = append(all, p.String())
		}
		return all
	}
	if got := problems("fine.example", "other.blades.example"); got != nil {
		t.Errorf("a list that flags nothing it must not: %q", got)
	}
	got := problems("blades.example", "fine.example")
	if len(got) != 1 || !strings.HasPrefix(got[0], `blades.example on list ut-knives would flag "cook.blades.example", which "knives" has to miss (acme/knives.yaml:`) {
		t.Errorf("a parent of what must be missed: %q", got)
	}
	allowed := strings.Replace(string(files["acme/knives.yaml"]), "domains:\n", "domains:\n  - {allow: [cook.blades.example]}\n", 1)
	files["acme/knives.yaml"] = []byte(allowed)
	if got := problems("blades.example"); got != nil {
		t.Errorf("the rules let it through: %q", got)
	}
}

// A list may hold no protected site; nor may it hold what such a site or a helpline
// lies beneath, whatever it has to say of others there.
func TestG05AListDoesNotHoldWhatProtectedSitesLieBeneath(t *testing.T) {
	files := with("acme/knives.yaml", head+listLine+okTests)
	files["protected/help.yaml"] = []byte(strings.Replace(string(files["protected/help.yaml"]), "protected.example", "clinic.hospital.example, protected.example", 1))
	rs, err := CompileWith(files, map[string]NameList{"ut-knives": slices.Values([]string{"hospital.example", "fine.example"})})
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"clinic.hospital.example", "childline.org.uk"} {
		if !slices.Contains(rs.ListHosts(), host) {
			t.Errorf("%s is not tried", host)
		}
	}
	got := rs.CheckLists()
	if len(got) != 1 || got[0].Name != "hospital.example" || !strings.HasPrefix(got[0].Line, `the protected site "clinic.hospital.example" (protected/help.yaml:`) {
		t.Errorf("got %v", got)
	}
}
