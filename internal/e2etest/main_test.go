package e2etest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"safelight/internal/trialschool"
)

// bin is where TestMain built the two programs.
var bin string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	if bin = os.Getenv("SAFELIGHT_E2E_BIN"); bin != "" {
		return m.Run() // a test runs itself again, elsewhere
	}
	dir, err := os.MkdirTemp("", "safelight-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	if err := buildPrograms(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// buildPrograms builds both into a folder.
func buildPrograms(dir string, flags ...string) error {
	for name, folder := range map[string]string{"safelight-agent": "agent", "safelight-collector": "collector"} {
		args := append([]string{"build", "-buildvcs=false", "-tags", "grpcnotrace", "-o", filepath.Join(dir, name)}, flags...)
		cmd := exec.Command("go", append(args, "./"+folder)...)
		cmd.Dir = "../.."
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w: %s", name, err, out)
		}
	}
	return nil
}

// newSchool makes a trial school whose folder is short enough for sockets and
// goes when the test ends.
func newSchool(t *testing.T) *trialschool.School {
	t.Helper()
	dir, err := os.MkdirTemp("", "sl-") //nolint:usetesting // t.TempDir's paths are too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s, err := trialschool.New(t.Context(), dir, bin)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// writeRules writes a pack that flags the site and everything below it.
func writeRules(t *testing.T, dir, site, severity string) string {
	t.Helper()
	pack := filepath.Join(dir, "numbered")
	check(t, os.MkdirAll(pack, 0o700))
	files := map[string]string{
		"pack.yaml": "pack: numbered\ntitle: Numbered sites\nversion: 1\n",
		"numbered.yaml": fmt.Sprintf(`category: numbered
title: Numbered sites
noun: numbered sites
about: Sites that only this test visits.
purpose: safeguarding
risk: high
severity: %s
owner: Designated Safeguarding Lead
why: To prove that nothing is lost.
domains:
  - %s
tests:
  hit:
    - {domain: n1.%s}
  miss:
    - {domain: n1.plain.example}
first_steps:
  - See the pupil in person.
`, severity, site, site),
	}
	for name, text := range files {
		check(t, os.WriteFile(filepath.Join(pack, name), []byte(text), 0o600))
	}
	return pack
}
