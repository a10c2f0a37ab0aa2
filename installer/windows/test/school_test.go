package test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"safelight/internal/trialschool"
)

// The two versions that are installed.
const before, after = "1.0.0", "1.1.0"

// packages are the .msi files, by program and version, as Windows names them.
type packages map[string]string

// build makes a program's packages in two versions.
func build(t *testing.T, which string) packages {
	t.Helper()
	dir, all := t.TempDir(), packages{}
	for _, version := range []string{before, after} {
		program := filepath.Join(dir, which+".exe")
		link(t, []string{"GOOS=windows", "GOARCH=amd64"}, version, which, program)
		all[which+version] = `Z:` + strings.ReplaceAll(here(t, "../build", which, version, "x64", program, dir), "/", `\`)
	}
	return all
}

func link(t *testing.T, env []string, version, which, out string) {
	t.Helper()
	hereFor(t, env, "go", "-C", "../../..", "build", "-trimpath", "-buildvcs=false", "-tags", "grpcnotrace",
		"-ldflags", "-s -w -X safelight/internal/version.Version="+version, "-o", out, "./"+which)
}

// school is a trial school on this machine that a device under Wine belongs to.
type school struct {
	*trialschool.School
	collector *trialschool.Program
}

// found makes a school of the shipped rules, in which the account is a pupil's.
func found(t *testing.T, account string) *school {
	t.Helper()
	dir, err := os.MkdirTemp("", "sl") //nolint:usetesting // t.TempDir is too long for a socket
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	bin := filepath.Join(dir, "bin")
	link(t, nil, before, "collector", filepath.Join(bin, "safelight-collector"))
	s := &school{}
	s.School, err = trialschool.New(t.Context(), dir, bin)
	must(t, err)
	s.start(t)
	t.Cleanup(func() { s.stop(t) })
	_, err = s.AddDSL(t.Context())
	must(t, err)
	must(t, s.ImportPupil(t.Context(), account))
	must(t, s.Publish(t.Context(), "../../../packs"))
	return s
}

func (s *school) start(t *testing.T) {
	t.Helper()
	var err error
	s.collector, err = s.StartCollector(context.Background())
	must(t, err)
}

func (s *school) stop(t *testing.T) {
	t.Helper()
	if s.collector == nil {
		return
	}
	must(t, s.collector.Stop())
	s.collector = nil
}

func (s *school) token(t *testing.T) string {
	t.Helper()
	var made struct{ Token string }
	must(t, s.Ask(t.Context(), &made, "token", "create", "--uses", "1"))
	return made.Token
}

// told is an event as the collector prints it.
type told struct{ Kind, Name, Via, User, Role, Device string }

// tells waits for the one event of a program, and that it is an alert.
func (s *school) tells(t *testing.T, m *machine, program string) told {
	t.Helper()
	var got []told
	m.until(t, program+" to arrive", func() (bool, string) {
		out, err := s.Verb(t.Context(), "events", "--as", trialschool.DSLName, "--json")
		if err != nil {
			return false, err.Error()
		}
		all, err := trialschool.Lines[told](out)
		got = nil
		for _, e := range all {
			if e.Name == program {
				got = append(got, e)
			}
		}
		return len(got) > 0, fmt.Sprintf("%v, %v", all, err)
	})
	if len(got) != 1 || got[0].Kind != "process" || got[0].Role != "pupil" {
		t.Errorf("%s: told %+v, want it once, of the pupil", program, got)
	}
	return got[0]
}

// alerts counts what has been told to the DSL.
func (s *school) alerts(t *testing.T) int {
	t.Helper()
	out, err := s.Verb(t.Context(), "alerts", "--as", trialschool.DSLName, "--json")
	must(t, err)
	all, err := trialschool.Lines[json.RawMessage](out)
	must(t, err)
	return len(all)
}

// devices are the ids of those that are enrolled.
func (s *school) devices(t *testing.T) []string {
	t.Helper()
	out, err := s.Verb(t.Context(), "device", "list", "--json")
	must(t, err)
	all, err := trialschool.Lines[struct{ ID string }](out)
	must(t, err)
	ids := make([]string, len(all))
	for i, d := range all {
		ids[i] = d.ID
	}
	return ids
}
