package macos

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const (
	version = "1.2.0+5.gabc1234"
	support = "Library/Application Support/Safelight/"
	notice  = "Applications/Safelight - what this device records.app/Contents/"
)

// built are the archives and packages of a stand-in program: what is tried here is
// what is put around a program.
type built struct {
	dir string
	err error
}

var once = sync.OnceValue(func() built { return make2("1795305600") })

// make2 builds for both architectures.
func make2(epoch string) built {
	dir, err := os.MkdirTemp("", "safelight-macos-")
	if err != nil {
		return built{err: err}
	}
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte(standIn), 0o600); err != nil {
		return built{dir, err}
	}
	for _, arch := range []string{"arm64", "amd64"} {
		cmd := exec.Command("./build", version, arch, program, filepath.Join(dir, "out"))
		cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+epoch)
		if out, err := cmd.CombinedOutput(); err != nil {
			return built{dir, fmt.Errorf("building for %s: %w: %s", arch, err, out)}
		}
	}
	return built{dir, nil}
}

// standIn writes down how it was called.
const standIn = "#!/bin/sh\necho \"$*\" >>\"$(dirname \"$0\")/../called\"\n"

func TestMain(m *testing.M) {
	code := m.Run()
	if dir := once().dir; dir != "" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

func output(t testing.TB, b built, arch, ending string) string {
	t.Helper()
	if b.err != nil {
		t.Fatal(b.err)
	}
	return filepath.Join(b.dir, "out", "safelight-agent-"+version+"-macos-"+arch+ending)
}

const unsigned = "-experimental-unsigned-untested.pkg"

// laid is what is laid over /, with its modes.
var laid = map[string]int64{
	support + "bin/safelight-agent":                       0o755,
	support + "bin/service":                               0o755,
	support + "bin/take-profile":                          0o755,
	support + "bin/uninstall.sh":                          0o755,
	support + "doc/README.md":                             0o644,
	support + "doc/LICENSE":                               0o644,
	support + "doc/NOTICE":                                0o644,
	support + "doc/enrol.conf":                            0o644,
	support + "doc/agent.yaml":                            0o644,
	"Library/LaunchDaemons/safelight-agent.plist":         0o644,
	"Library/LaunchDaemons/safelight-agent-profile.plist": 0o644,
	notice + "Info.plist":                                 0o644,
	notice + "MacOS/about":                                0o755,
}

func readTar(t testing.TB, path string) map[string]*tar.Header {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*tar.Header{}
	for in := tar.NewReader(z); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all[h.Name] = h
	}
}

func TestTheArchiveHoldsWhatItShouldAndBelongsToRoot(t *testing.T) {
	for _, arch := range []string{"arm64", "amd64"} {
		top := "safelight-agent-" + version + "-macos-" + arch + "/"
		want := map[string]int64{"README.md": 0o644, "LICENSE": 0o644, "NOTICE": 0o644, "install.sh": 0o755, "preinstall": 0o755, "postinstall": 0o755}
		for name, mode := range laid {
			want["files/"+name] = mode
		}
		for _, name := range []string{"enrolment", "notice", "background", "files", "private-relay"} {
			want["profiles/"+name+".mobileconfig"] = 0o644
		}
		for _, name := range []string{"enrol.conf", "agent.yaml"} {
			want["examples/"+name] = 0o644
		}
		got := readTar(t, output(t, once(), arch, ".tar.gz"))
		for name, h := range got {
			mode, wanted := want[strings.TrimPrefix(name, top)]
			switch {
			case !strings.HasPrefix(name, top) || h.Uid != 0 || h.Gid != 0:
				t.Errorf("%s of %d:%d", name, h.Uid, h.Gid)
			case h.Typeflag == tar.TypeDir && h.Mode != 0o755:
				t.Errorf("folder %s has mode %04o", name, h.Mode)
			case h.Typeflag != tar.TypeDir && (!wanted || h.Mode != mode):
				t.Errorf("%s has mode %04o, want %04o", name, h.Mode, mode)
			}
		}
		for name := range want {
			if got[top+name] == nil {
				t.Errorf("%s is missing", name)
			}
		}
	}
}

// What a package is not must stand in its name: whoever finds it has no page.
func TestThePackageHoldsTheSameAndIsCalledWhatItIs(t *testing.T) {
	if _, err := exec.LookPath("bsdtar"); err != nil {
		t.Skip("SKIPPED: needs bsdtar (.ci/setup installs libarchive-tools)")
	}
	for _, arch := range []string{"arm64", "amd64"} {
		dir := t.TempDir()
		run(t, dir, nil, "bsdtar", "-xf", output(t, once(), arch, unsigned))
		run(t, dir, nil, "bsdtar", "-xf", "Scripts")
		pre, err := os.ReadFile(filepath.Join(dir, "preinstall"))
		if err != nil || !bytes.Contains(pre, []byte("arch="+arch+"\n")) {
			t.Errorf("%s: preinstall is for another architecture: %v", arch, err)
		}
		var got []string
		for line := range strings.Lines(run(t, dir, nil, "bsdtar", "-tf", "Payload")) {
			name := strings.TrimSuffix(strings.TrimPrefix(line, "./"), "\n")
			if _, file := laid[name]; file {
				got = append(got, name)
			}
		}
		if want := slices.Sorted(maps.Keys(laid)); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
			t.Errorf("%s: the payload holds %q, want %q", arch, got, want)
		}
	}
}

func TestBuildingTwiceGivesTheSameBytes(t *testing.T) {
	second, later := make2("1795305600"), make2("1795305601")
	for _, b := range []built{second, later} {
		defer os.RemoveAll(b.dir)
	}
	for _, arch := range []string{"arm64", "amd64"} {
		for _, ending := range []string{".tar.gz", unsigned} {
			first := read(t, output(t, once(), arch, ending))
			if !bytes.Equal(first, read(t, output(t, second, arch, ending))) {
				t.Errorf("%s%s differs from one build to the next", arch, ending)
			}
			if bytes.Equal(first, read(t, output(t, later, arch, ending))) {
				t.Errorf("%s%s does not depend on the commit's time: this test sees nothing", arch, ending)
			}
		}
	}
}

func TestWhatCannotBeBuiltIsRefused(t *testing.T) {
	for _, args := range [][]string{{"1.2.0", "arm64", "/dev/null"}, {"v 1", "arm64", "build", "out"}, {"1.2.0", "ppc", "build", "out"}, {"1.2.0", "arm64", "nothing-here", "out"}} {
		for i, a := range args {
			if a == "out" {
				args[i] = t.TempDir()
			}
		}
		cmd := exec.Command("./build", args...)
		cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1")
		if out, err := cmd.CombinedOutput(); err == nil || len(out) == 0 {
			t.Errorf("%q: %v, %s", args, err, out)
		}
	}
}

// An enrolment token in what everybody can fetch would be in everybody's hands.
func TestG11NothingThatIsPackedHoldsAToken(t *testing.T) {
	files, err := filepath.Glob("*/*")
	if err != nil || len(files) < 8 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, ".go") {
			continue
		}
		for line := range strings.Lines(string(read(t, name))) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "token:") || strings.Contains(line, ">SL1.") || strings.Contains(line, "PRIVATE KEY") {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func run(t testing.TB, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(append(os.Environ(), "LC_ALL=C.UTF-8"), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
	return string(out)
}
