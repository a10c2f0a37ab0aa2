package packdir

import (
	"os"
	"strings"
	"testing"

	"safelight/internal/rules"
)

// exampleFiles gives the files that a page shows by the path in their first line.
func exampleFiles(t *testing.T, page string) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string][]byte{}
	for _, part := range strings.Split(string(text), "\n# rules/")[1:] {
		block, _, _ := strings.Cut("# rules/"+part, "```")
		name, _, _ := strings.Cut(strings.TrimPrefix(block, "# rules/"), "\n")
		blocks[name] = []byte(block)
	}
	return blocks
}

// What docs/rules.md tells a technician to write works, and fails as it says.
func TestTheGuidesExampleWorks(t *testing.T) {
	const page = "../../docs/rules.md"
	files, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range exampleFiles(t, page) {
		files[name] = data
	}
	check := func() string {
		rs, err := rules.Compile(files)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, p := range rs.Check() {
			lines = append(lines, p.Error())
		}
		return strings.Join(lines, "\n")
	}
	if got := check(); got != "" {
		t.Errorf("the guide's own example is refused: %s", got)
	}
	const name, allow = "our-school/gambling.yaml", "  - lucky crate of apples\ndomains:"
	files[name] = []byte(strings.Replace(string(files[name]), allow, "  - lucky crate of pears\ndomains:", 1))
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if got := check(); got == "" || !strings.Contains(string(text), got) {
		t.Errorf("the guide does not show what rules check says:\n%s", got)
	}
}
