package archtest

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"safelight/internal/licence"
)

var update = flag.Bool("update", false, "write NOTICE again")

// shipped are the folders of the programs that packages bring to a school.
var shipped = []string{"agent", "collector", "installer/policies/merge"}

// A licence that is not passed on with the programs is broken by every school
// that installs them.
func TestNoticeHoldsEveryLicenceThatIsLinked(t *testing.T) {
	want, err := released(t).notice(shipped, targets, licence.Extras)
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

// Each system links modules that the others do not: a NOTICE written from Linux's
// alone would leave some out of the packages for the other two.
func TestNoticeHoldsWhatOnlyOneSystemLinks(t *testing.T) {
	r := released(t)
	notice, err := os.ReadFile(filepath.Join(root, "NOTICE"))
	if err != nil {
		t.Fatal(err)
	}
	systems := map[string][]string{} // module -> systems that link it
	for _, one := range targets {
		linked, err := r.linked(shipped, []target{one})
		if err != nil {
			t.Fatal(err)
		}
		for _, mod := range linked {
			if at := systems[mod]; len(at) == 0 || at[len(at)-1] != one.goos {
				systems[mod] = append(at, one.goos)
			}
		}
	}
	alone := map[string]int{}
	for mod, at := range systems {
		if len(at) == 1 {
			alone[at[0]]++
		}
		if !strings.Contains(string(notice), "\n- "+mod+" "+r.modules[mod]+": ") {
			t.Errorf("NOTICE does not name %s, which is linked for %v", mod, at)
		}
	}
	if alone["linux"] == 0 || alone["windows"] == 0 {
		t.Errorf("modules of one system alone: %v; does this test still see them?", alone)
	}
}

// What .ci/dist packs and .ci/cross builds is what is followed here.
func TestEverySystemIsBuiltInEveryRun(t *testing.T) {
	said, err := exec.Command(filepath.Join(root, ".ci", "targets")).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, one := range targets {
		want = append(want, one.goos+"/"+one.goarch)
	}
	if got := strings.Join(strings.Fields(string(said)), " "); got != strings.Join(want, " ") {
		t.Errorf(".ci/targets says %q, internal/archtest follows %q", got, want)
	}
	test, err := os.ReadFile(filepath.Join(root, ".ci", "test"))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^step "[a-z ]+" \.ci/cross$`).Match(test) {
		t.Error(".ci/test no longer builds for every system")
	}
	out, err := exec.Command(filepath.Join(root, ".ci", "cross"), "linux/none").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "building for linux/none") {
		t.Errorf("a build that fails: %v, and it says %q", err, out)
	}
}
