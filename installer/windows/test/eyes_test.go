package test

import (
	"context"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"safelight/internal/trialschool"
)

// eyes are the packages that hold what is Windows' own in what the agent sees, and
// the one that speaks with Windows' service manager.
var eyes = []string{"internal/ossvc", "agent/source/etw", "agent/source/network", "agent/source/process", "agent/source/process/pefile", "agent/attribution"}

// Their tests run as Windows programs: the callback by Windows' calling
// convention, tokens and accounts, version resources beside Windows' own reading
// of them, polling, and a trace session that cannot be read, which has to say so.
func TestTheAgentsEyesUnderWine(t *testing.T) {
	needed(t)
	m := newMachine(t)
	for _, pkg := range eyes {
		t.Run(path.Base(pkg), func(t *testing.T) {
			exe := filepath.Join(t.TempDir(), path.Base(pkg)+".test.exe")
			build := exec.Command("go", "test", "-tags", "grpcnotrace", "-c", "-o", exe, "safelight/"+pkg)
			build.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("building: %v\n%s", err, out)
			}
			ctx, cancel := context.WithTimeout(t.Context(), trialschool.Patience)
			defer cancel()
			cmd := m.command(ctx, exe, "-test.v")
			cmd.Dir = filepath.Join("../../..", pkg)
			out, err := cmd.CombinedOutput()
			said := strings.ReplaceAll(string(out), "\r", "")
			if err != nil || !strings.HasSuffix(strings.TrimSpace(said), "PASS") {
				t.Fatalf("%v\n%s", err, said)
			}
			for line := range strings.Lines(said) {
				if strings.Contains(line, "SKIPPED") {
					t.Log(strings.TrimSpace(line))
				}
			}
		})
	}
}
