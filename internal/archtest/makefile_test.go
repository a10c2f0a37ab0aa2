package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// People and checks rely on these targets by name.
func TestTheMakefileHasEveryTargetThatIsReliedOn(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range strings.Fields("demo test acceptance check build dist sign bench screenshots clean help") {
		if !regexp.MustCompile(`(?m)^` + target + `:.* ## \S`).Match(text) {
			t.Errorf("no target %s with a line of help", target)
		}
	}
	// What is checked over the programs' whole closure must be what is built.
	if want := "TAGS := " + strings.Join(releaseTags, ",") + "\n"; !strings.Contains(string(text), want) {
		t.Errorf("the Makefile builds with other tags than archtest follows, %q", want)
	}
	if !strings.Contains(string(text), "-X safelight/internal/version.Version=") {
		t.Error("the Makefile does not stamp the version")
	}
}

func TestScriptsOfContinuousIntegrationCanBeRun(t *testing.T) {
	scripts, err := os.ReadDir(filepath.Join(root, ".ci"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		info, err := s.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&0o111 == 0 {
			t.Errorf(".ci/%s is not executable", s.Name())
		}
	}
}
