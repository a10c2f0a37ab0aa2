package linux

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// version makes a package's version of what git describes.
func version(t testing.TB, described string) string {
	t.Helper()
	cmd := exec.Command("./version", described)
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1795305600")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", described, err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestVersionsSortAsTheyWereMade(t *testing.T) {
	dpkg, err := exec.LookPath("dpkg")
	if err != nil {
		t.Skip("SKIPPED: needs dpkg (.ci/setup installs it)")
	}
	var before string
	for _, described := range []string{"abc1234", "v1.2.0-rc1", "v1.2.0-rc1-3-gabc1234", "v1.2.0", "v1.2.0-5-g1234567", "v1.2.0-12-gabc1234-dirty", "v1.10.0"} {
		now := version(t, described)
		if before != "" {
			if err := exec.Command(dpkg, "--compare-versions", before, "lt", now).Run(); err != nil {
				t.Errorf("%s does not come before %s (%s)", before, now, described)
			}
		}
		before = now
	}
}

func TestAVersionThatPackagesCannotHaveIsRefused(t *testing.T) {
	for _, bad := range []string{"v1.2.0", "1.2.0-5", "", "1.2 0", "../1"} {
		cmd := exec.Command("./build", "agent", bad, "amd64", "./build", t.TempDir())
		cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1795305600")
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "version '"+bad+"'") {
			t.Errorf("%q: %v, it said %s", bad, err, out)
		}
	}
}
