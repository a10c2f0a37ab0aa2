package macos

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var scripts = []string{"install.sh", "uninstall.sh", "preinstall", "postinstall", "service", "take-profile", "about/about"}

// macOS's sh is an old bash, and not this system's.
func TestTheScriptsAreOfTheSmallestShell(t *testing.T) {
	for _, name := range scripts {
		run(t, ".", nil, "sh", "-n", name)
	}
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("SKIPPED: shellcheck is not here; only their form was checked (.ci/setup installs it)")
	}
	run(t, ".", nil, "shellcheck", append([]string{"-s", "sh"}, scripts...)...)
}

// volume is an empty disk, and the unpacked archive beside it.
func volume(t *testing.T) (disk, archive string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: needs root, which owns what is installed")
	}
	dir := t.TempDir()
	disk = filepath.Join(dir, "disk")
	for _, name := range []string{"Applications", "Library/LaunchDaemons", "Library/Application Support"} {
		if err := os.MkdirAll(filepath.Join(disk, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run(t, dir, nil, "tar", "xzf", output(t, once(), "arm64", ".tar.gz"))
	return disk, filepath.Join(dir, "safelight-agent-"+version+"-macos-arm64")
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Error(err)
		return 0
	}
	return info.Mode().Perm()
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func TestInstallingUpgradingAndRemovingOnAVolume(t *testing.T) {
	disk, archive := volume(t)
	base := filepath.Join(disk, support)
	conf := filepath.Join(archive, "mine.conf")
	write(t, conf, "token: SL1.test\n", 0o644)
	run(t, archive, nil, "./install.sh", "--volume", disk, "--enrol-file", conf)
	for name, want := range laid {
		if got := mode(t, filepath.Join(disk, name)); int64(got) != want {
			t.Errorf("%s has mode %04o, want %04o", name, got, want)
		}
	}
	for name, want := range map[string]os.FileMode{"": 0o755, "bin": 0o755, "agent": 0o700, "enrol.conf": 0o600} {
		if got := mode(t, filepath.Join(base, name)); got != want {
			t.Errorf("%q has mode %04o, want %04o", name, got, want)
		}
	}
	if there(filepath.Join(base, "called")) {
		t.Error("on another volume the program was run")
	}

	// An upgrade keeps what the school and the agent wrote.
	write(t, filepath.Join(base, "agent.yaml"), "network: {enabled: false}\n", 0o644)
	write(t, filepath.Join(base, "enrol.conf"), "# Used: this device is enrolled.\n", 0o600)
	write(t, filepath.Join(base, "agent/identity.json"), "{}", 0o600)
	write(t, filepath.Join(base, "public/about.txt"), "for everybody", 0o644)
	run(t, archive, nil, "./install.sh", "--volume", disk)
	if got := string(read(t, filepath.Join(base, "enrol.conf"))); !strings.Contains(got, "Used") {
		t.Errorf("the enrolment file is %q", got)
	}
	if mode(t, filepath.Join(base, "agent.yaml")) != 0o600 || mode(t, filepath.Join(base, "public/about.txt")) != 0o644 {
		t.Error("the upgrade left modes that it should not have")
	}

	run(t, base, nil, "bin/uninstall.sh", "--volume", disk)
	for name := range laid {
		if there(filepath.Join(disk, name)) {
			t.Errorf("%s is still there", name)
		}
	}
	for _, name := range []string{"agent.yaml", "enrol.conf", "agent/identity.json"} {
		if !there(filepath.Join(base, name)) {
			t.Errorf("%s did not stay", name)
		}
	}
	for _, name := range []string{"Applications", "Library/LaunchDaemons"} {
		if !there(filepath.Join(disk, name)) {
			t.Errorf("the system's folder %s is gone", name)
		}
	}
	run(t, archive, nil, "./install.sh", "--volume", disk)
	run(t, base, nil, "bin/uninstall.sh", "--purge", "--volume", disk)
	if there(base) {
		t.Error("something stays after a purge")
	}
}

// laidDown are the files below a folder with their modes and what they hold.
func laidDown(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(filepath.Join(root, support), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		all[strings.TrimPrefix(path, root)] = info.Mode().String()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range laid {
		all[name] = mode(t, filepath.Join(root, name)).String() + string(read(t, filepath.Join(root, name)))
	}
	return all
}

func TestPackageAndArchiveLayDownTheSame(t *testing.T) {
	disk, archive := volume(t)
	if _, err := exec.LookPath("bsdtar"); err != nil {
		t.Skip("SKIPPED: needs bsdtar (.ci/setup installs libarchive-tools)")
	}
	run(t, archive, nil, "./install.sh", "--volume", disk)
	pkg, other := t.TempDir(), t.TempDir()
	run(t, pkg, nil, "bsdtar", "-xf", output(t, once(), "arm64", unsigned))
	run(t, pkg, nil, "bsdtar", "-xf", "Payload", "-C", other)
	run(t, pkg, nil, "bsdtar", "-xf", "Scripts")
	run(t, pkg, nil, "./postinstall", "safelight.pkg", "/", other)
	if one, two := laidDown(t, disk), laidDown(t, other); !maps.Equal(one, two) || len(one) < 2*len(laid) {
		t.Errorf("the archive lays down\n%v\nthe package\n%v", slices.Sorted(maps.Keys(one)), slices.Sorted(maps.Keys(two)))
	}
}

func TestInstallingRefusesWhatItCannotDo(t *testing.T) {
	disk, archive := volume(t)
	for _, args := range [][]string{
		{"--volume", disk, "--enrol-file", "nowhere.conf"}, {"--volume"}, {"--token", "SL1.secret"}, {"extra"},
	} {
		cmd := exec.Command("./install.sh", args...)
		cmd.Dir = archive
		if out, err := cmd.CombinedOutput(); err == nil || len(out) == 0 {
			t.Errorf("%q: %v, %s", args, err, out)
		}
	}
	if there(filepath.Join(disk, support)) {
		t.Error("something was laid down all the same")
	}
}

// commands stand in for macOS's, and write down how they were called.
func commands(t *testing.T, bodies map[string]string) (env []string, log string) {
	t.Helper()
	dir := t.TempDir()
	log = filepath.Join(dir, "log")
	for name, body := range bodies {
		write(t, filepath.Join(dir, name), "#!/bin/sh\necho "+name+" \"$*\" >>\""+log+"\"\n"+body+"\n", 0o755)
	}
	return []string{"PATH=" + dir + ":" + os.Getenv("PATH")}, log
}

// launchd lets go of a service after a while only.
func TestAServiceIsLoadedOnceLaunchdHasLetGoOfIt(t *testing.T) {
	state := t.TempDir()
	env, log := commands(t, map[string]string{
		"sleep": "true",
		"launchctl": `case $1 in
print) [ -f "` + state + `/held" ] || exit 113; n=$(cat "` + state + `/held"); [ "$n" = 0 ] && { rm "` + state + `/held"; exit 113; }; echo $((n - 1)) >"` + state + `/held" ;;
bootstrap) [ ! -f "` + state + `/held" ] || { echo "Bootstrap failed: 5: Input/output error" >&2; exit 5; } ;;
esac`,
	})
	write(t, filepath.Join(state, "held"), "3", 0o600)
	run(t, ".", env, "./service", "up", "/Volumes/Other/")
	said := string(read(t, log))
	for _, want := range []string{
		"bootout system/safelight-agent-profile", "enable system/safelight-agent\n",
		"bootstrap system /Volumes/Other/Library/LaunchDaemons/safelight-agent.plist",
		"bootstrap system /Volumes/Other/Library/LaunchDaemons/safelight-agent-profile.plist",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it did not %s:\n%s", want, said)
		}
	}
	if strings.Index(said, "bootstrap") < strings.Index(said, "bootout") {
		t.Errorf("it was loaded before it was let go of:\n%s", said)
	}

	env, log = commands(t, map[string]string{"sleep": "true", "launchctl": "[ \"$1\" != print ]"})
	run(t, ".", env, "./service", "down")
	if said := string(read(t, log)); strings.Contains(said, "bootout") {
		t.Errorf("what is not loaded was unloaded:\n%s", said)
	}
	env, _ = commands(t, map[string]string{"sleep": "true", "launchctl": "[ \"$1\" = enable ]"})
	cmd := exec.Command("./service", "up")
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Run(); err == nil {
		t.Error("launchd took neither, and that is no failure")
	}
}

func TestAProfilesTokenIsLaidDownForRootAlone(t *testing.T) {
	const defaults = `case $3 in token) echo "$TOKEN" ;; collector) echo "$COLLECTOR" ;; *) exit 1 ;; esac`
	for _, c := range []struct {
		what, token, collector, before string
		enrolled, noProfile            bool
		want                           string
	}{
		{what: "a profile", token: "SL1.eyJh-_x=", collector: "collector.school.example:7443", want: "token: SL1.eyJh-_x=\ncollector: collector.school.example:7443\n"},
		{what: "a used file", token: "SL1.new", before: "# Used: this device is enrolled.\n", want: "token: SL1.new\n"},
		{what: "a file with a token", token: "SL1.new", before: "Token = SL1.old\n", want: "Token = SL1.old\n"},
		{what: "an enrolled Mac", token: "SL1.new", enrolled: true},
		{what: "no profile", token: "SL1.new", noProfile: true},
		{what: "a token of two lines", token: "SL1.x\ncollector: evil.example", want: ""},
		{what: "a collector with more", token: "SL1.x", collector: "a.example; rm -rf /", want: "token: SL1.x\n"},
		{what: "no token", collector: "a.example:1"},
	} {
		disk := t.TempDir()
		base := filepath.Join(disk, support)
		write(t, filepath.Join(base, "agent/x"), "", 0o600)
		if !c.noProfile {
			write(t, filepath.Join(disk, "Library/Managed Preferences/safelight.agent.plist"), "binary", 0o644)
		}
		if c.before != "" {
			write(t, filepath.Join(base, "enrol.conf"), c.before, 0o600)
		}
		if c.enrolled {
			write(t, filepath.Join(base, "agent/identity.json"), "{}", 0o600)
		}
		env, _ := commands(t, map[string]string{"defaults": defaults})
		run(t, ".", append(env, "SAFELIGHT_ROOT="+disk, "TOKEN="+c.token, "COLLECTOR="+c.collector), "./take-profile")
		conf := filepath.Join(base, "enrol.conf")
		if c.want == "" {
			if there(conf) {
				t.Errorf("%s: it wrote %q", c.what, read(t, conf))
			}
			continue
		}
		if got := string(read(t, conf)); got != c.want || mode(t, conf) != 0o600 {
			t.Errorf("%s: it wrote %q with mode %04o, want %q", c.what, got, mode(t, conf), c.want)
		}
	}
}

func TestAMacThatTheProgramCannotRunOnIsRefused(t *testing.T) {
	_, archive := volume(t)
	for _, c := range []struct {
		machine, processor, system string
		want                       bool
	}{
		{"arm64", "1", "14.4.1", true},
		{"arm64", "1", "12.0", true},
		{"x86_64", "", "14.4.1", false},
		{"x86_64", "0", "14.4.1", false},
		{"x86_64", "1", "14.4.1", true}, // whoever installs is translated by Rosetta
		{"arm64", "1", "11.7.10", false},
	} {
		processor := "echo " + c.processor
		if c.processor == "" {
			processor = "exit 1" // an Intel Mac does not know the name
		}
		env, _ := commands(t, map[string]string{"uname": "echo " + c.machine, "sysctl": processor, "sw_vers": "echo " + c.system})
		cmd := exec.Command("./preinstall")
		cmd.Dir, cmd.Env = archive, append(os.Environ(), env...)
		if out, err := cmd.CombinedOutput(); (err == nil) != c.want {
			t.Errorf("%s (%q) with macOS %s: %v, %s", c.machine, c.processor, c.system, err, out)
		}
	}
}
