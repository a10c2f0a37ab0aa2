package linux

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// built are the packages of stand-in programs: what is tried here is what is put
// around a program.
type built struct {
	dir string // of .deb and .rpm files
	err error
}

var once = sync.OnceValue(func() built { return makePackages("1795305600") })

func makePackages(epoch string) built {
	dir, err := os.MkdirTemp("", "safelight-packages-")
	if err != nil {
		return built{err: err}
	}
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n# stands in for the program\n"), 0o600); err != nil {
		return built{dir, err}
	}
	for _, which := range programs {
		for _, arch := range []string{"amd64", "arm64"} {
			cmd := exec.Command("./build", which, "1.2.0+5.gabc1234", arch, program, filepath.Join(dir, "out"))
			cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+epoch)
			if out, err := cmd.CombinedOutput(); err != nil {
				return built{dir, fmt.Errorf("building the %s's packages for %s: %w: %s", which, arch, err, out)}
			}
		}
	}
	return built{dir, nil}
}

func TestMain(m *testing.M) {
	code := m.Run()
	if dir := once().dir; dir != "" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

var programs = []string{"agent", "collector"}

// packages are the built files with the ending.
func packages(t testing.TB, b built, ending string) []string {
	t.Helper()
	if b.err != nil {
		t.Fatal(b.err)
	}
	all, err := filepath.Glob(filepath.Join(b.dir, "out", "*"+ending))
	if err != nil || len(all) != 4 {
		t.Fatalf("found %v, want four packages: %v", all, err)
	}
	return all
}

// want is everything a package may hold, with its mode.
func want(which string, rpm bool) map[string]int64 {
	name := "safelight-" + which
	doc := "/usr/share/doc/" + name
	all := map[string]int64{
		"/usr/bin/" + name: 0o755,
		"/usr/lib/systemd/system/" + name + ".service": 0o644,
		"/usr/lib/sysusers.d/" + name + ".conf":        0o644,
		doc + "/README.md":                             0o644,
		doc + "/copyright":                             0o644,
		doc + "/NOTICE.gz":                             0o644,
	}
	if rpm {
		all["/usr/share/licenses/"+name+"/LICENSE"] = 0o644
	} else {
		all[doc+"/changelog.gz"] = 0o644
		all["/usr/share/lintian/overrides/"+name] = 0o644
	}
	if which == "agent" {
		for _, example := range []string{"enrol.conf", "agent.yaml", "packets-only.conf"} {
			all[doc+"/examples/"+example] = 0o644
		}
		for _, notice := range notices {
			all[notice] = 0o644
		}
	}
	return all
}

// notices are what tells everybody who uses the device (D20): each agent's package
// has them, whoever builds it, and no key of a build leaves one out.
var notices = []string{
	"/usr/share/safelight-agent/login",                    // what /etc/issue.d points at
	"/usr/lib/motd.d/safelight",                           // after signing in at a terminal
	"/usr/share/safelight-agent/safelight-notice.desktop", // once a sign-in at a desktop
	"/usr/share/applications/safelight-about.desktop",
	"/usr/share/icons/hicolor/scalable/apps/safelight.svg",
	"/usr/lib/tmpfiles.d/safelight-agent.conf",
}

func programOf(path string) string {
	if strings.Contains(filepath.Base(path), "collector") {
		return "collector"
	}
	return "agent"
}

// hold checks owners and modes, and that nothing is there but what is wanted.
func hold(t *testing.T, got map[string]entry, want map[string]int64) {
	t.Helper()
	for path, e := range got {
		if e.owner != "root" || e.group != "root" {
			t.Errorf("%s belongs to %s:%s", path, e.owner, e.group)
		}
		mode, wanted := want[path]
		switch {
		case e.dir && e.mode != 0o755:
			t.Errorf("folder %s has mode %04o", path, e.mode)
		case !e.dir && !wanted:
			t.Errorf("%s has no place in the package", path)
		case !e.dir && e.mode != mode:
			t.Errorf("%s has mode %04o, want %04o", path, e.mode, mode)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if _, there := got[path]; !there {
			t.Errorf("%s is missing", path)
		}
	}
}

func TestADebHoldsWhatItShouldOwnedByRootAndNoConfiguration(t *testing.T) {
	for _, path := range packages(t, once(), ".deb") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			pkg, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			control, content := readDeb(t, pkg)
			hold(t, content, want(programOf(path), false))
			if e, there := control["/conffiles"]; there {
				t.Errorf("it owns configuration, which asks at each upgrade and may hold a token: %s", e.data)
			}
			for _, script := range []string{"/postinst", "/prerm", "/postrm"} {
				if e := control[script]; e.mode != 0o755 || bytes.ContainsRune(e.data, '@') {
					t.Errorf("%s has mode %04o, or something was not put in:\n%s", script, e.mode, e.data)
				}
			}
			said := string(control["/control"].data)
			for _, line := range []string{"Version: 1.2.0+5.gabc1234\n", "Depends: systemd", "Maintainer: ", "Description: Safelight ", "\n own rules", "Installed-Size: "} {
				if line == "\n own rules" && programOf(path) == "collector" {
					line = "\n who looks after"
				}
				if !strings.Contains(said, line) {
					t.Errorf("control does not say %q:\n%s", line, said)
				}
			}
		})
	}
}

// An enrolment token in a package would be in the hands of everybody who has it.
func TestG11NoPackageHoldsATokenOrAKey(t *testing.T) {
	for _, path := range packages(t, once(), ".deb") {
		pkg, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, content := readDeb(t, pkg)
		for name, e := range content {
			if strings.HasPrefix(name, "/etc/") && !e.dir {
				t.Errorf("%s: %s is a file of the administrator's", filepath.Base(path), name)
			}
			for line := range strings.Lines(string(e.data)) {
				if strings.Contains(line, "PRIVATE KEY") || strings.HasPrefix(strings.TrimSpace(line), "token:") {
					t.Errorf("%s: %s: %s", filepath.Base(path), name, line)
				}
			}
		}
	}
}

func TestAnRPMHoldsTheSame(t *testing.T) {
	if _, err := exec.LookPath("rpm"); err != nil {
		t.Skip("SKIPPED: needs rpm (.ci/setup installs it)")
	}
	for _, path := range packages(t, once(), ".rpm") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			const ask = `[%{FILENAMES} %{FILEMODES} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILEFLAGS:fflags}|\n]`
			got := map[string]entry{}
			for line := range strings.Lines(rpm(t, "-qp", "--qf", ask, path)) {
				f := strings.Fields(strings.TrimSuffix(line, "|\n"))
				mode, err := strconv.ParseInt(f[1], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				got[f[0]] = entry{mode: mode & 0o7777, dir: mode&0o170000 == 0o040000, owner: f[2], group: f[3]}
				if len(f) > 4 && strings.Contains(f[4], "c") {
					t.Errorf("%s is configuration that the package owns", f[0])
				}
			}
			hold(t, got, want(programOf(path), true))
			if said := rpm(t, "-qp", "--qf", "%{VERSION}-%{RELEASE} %{BUILDHOST} %{LICENSE}", path); said != "1.2.0+5.gabc1234-1 safelight Apache-2.0" {
				t.Errorf("it says %q", said)
			}
			if scripts := rpm(t, "-qp", "--scripts", path); strings.Count(scripts, "name=safelight-"+programOf(path)) != 3 {
				t.Errorf("it lacks scripts:\n%s", scripts)
			}
		})
	}
}

func rpm(t testing.TB, args ...string) string {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.Command("rpm", append([]string{"--dbpath", t.TempDir()}, args...)...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("rpm %v: %v: %s", args, err, errs.Bytes())
	}
	return string(out)
}

func TestBuildingTwiceGivesTheSameBytes(t *testing.T) {
	first, second := once(), makePackages("1795305600")
	later := makePackages("1795305601")
	for _, b := range []built{second, later} {
		defer os.RemoveAll(b.dir)
	}
	for _, ending := range []string{".deb", ".rpm"} {
		for i, path := range packages(t, first, ending) {
			same, other := packages(t, second, ending)[i], packages(t, later, ending)[i]
			if !sameBytes(t, path, same) {
				t.Errorf("%s differs from one build to the next", filepath.Base(path))
			}
			if sameBytes(t, path, other) {
				t.Errorf("%s does not depend on the commit's time: this test sees nothing", filepath.Base(path))
			}
		}
	}
}

func sameBytes(t testing.TB, a, b string) bool {
	t.Helper()
	x, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(x, y)
}
