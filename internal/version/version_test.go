package version_test

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"safelight/internal/version"
)

func TestStringNamesTheSystemItWasBuiltFor(t *testing.T) {
	got := version.String()
	for _, want := range []string{version.Version, runtime.GOOS + "/" + runtime.GOARCH} {
		if !strings.Contains(got, want) {
			t.Errorf("String() = %q, without %q", got, want)
		}
	}
}

// A variable that is renamed leaves the linker's flag silently without effect,
// and every release would call itself "dev".
func TestTheMakefileStampsThisVariable(t *testing.T) {
	gotool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not on PATH: cannot link a program")
	}
	bin := filepath.Join(t.TempDir(), "printversion")
	cmd := exec.Command(gotool, "build", "-o", bin,
		"-ldflags", "-X safelight/internal/version.Version=v9.8.7", "./testdata/printversion")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	out, err := exec.Command(bin).Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(out), "v9.8.7 (") {
		t.Errorf("a stamped program printed %q", out)
	}
}
