package container

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The image as a container's runtime would start it, with its own files as root:
// what the program needs besides them would be missing here too.
func TestTheImageRunsWithoutRootOnARootThatCannotBeWritten(t *testing.T) {
	if os.Getenv("SAFELIGHT_ACCEPTANCE") == "" {
		t.Skip("SKIPPED: a part of make acceptance (SAFELIGHT_ACCEPTANCE=1)")
	}
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: mounting an image needs root")
	}
	for _, tool := range []string{"buildah", "unshare", "setpriv", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: needs %s (.ci/setup long installs it)", tool)
		}
	}
	i := newImage(t)
	if said := i.run(t, "buildah", "inspect", "--type", "image", "--format", "{{.OCIv1.Config.User}} {{.OCIv1.Config.Cmd}}", i.name); said != "65532:65532 [serve --init]" {
		t.Errorf("the image starts %s", said)
	}
	var files []string
	for line := range strings.Lines(i.run(t, "find", i.root, "-type", "f", "-printf", "%P %m %U\n")) {
		files = append(files, strings.TrimSpace(line))
	}
	if len(files) != 3 || !strings.Contains(strings.Join(files, "\n"), "usr/bin/safelight-collector 555 0") {
		t.Errorf("the image holds %q", files)
	}
	pid := i.start(t)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Uid:\t65532\t65532", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"} {
		if !bytes.Contains(status, []byte(line)) {
			t.Errorf("it runs without %q:\n%s", line, status)
		}
	}
	i.inside(t, pid, "user", "add", "--name", "Demo DSL", "--email", "dsl@trial-school.example", "--duty", "dsl")
	if said := i.inside(t, pid, "user", "list"); !strings.Contains(said, "dsl@trial-school.example") {
		t.Errorf("it says %q", said)
	}
	if info, err := os.Stat(filepath.Join(i.volume, "collector", "safelight.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the store in the volume: %v, %v", info, err)
	}
}

type image struct {
	name, root, volume string
	storage            string // buildah's, for this test alone
}

func newImage(t *testing.T) *image {
	t.Helper()
	dir := t.TempDir()
	i := &image{name: "localhost/safelight-collector:1.2.0", volume: filepath.Join(dir, "volume"), storage: filepath.Join(dir, "storage.conf")}
	conf := fmt.Sprintf("[storage]\ndriver = \"vfs\"\nrunroot = %q\ngraphroot = %q\n", dir+"/run", dir+"/graph")
	if err := os.WriteFile(i.storage, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "program")
	i.run(t, "go", "-C", "../..", "build", "-tags", "grpcnotrace", "-ldflags", "-s -w", "-o", program, "./collector")
	i.run(t, "./build", "1.2.0", program)
	working := i.run(t, "buildah", "from", "--pull-never", i.name)
	i.root = i.run(t, "buildah", "mount", working)
	t.Cleanup(func() { i.run(t, "buildah", "rm", working); i.run(t, "buildah", "rmi", i.name) })
	// A volume that anybody may enter, as some runtimes make them.
	if err := os.Mkdir(i.volume, 0o777); err != nil {
		t.Fatal(err)
	}
	i.run(t, "chown", "65532:65532", i.volume)
	return i
}

func (i *image) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	cmd.Env = append(os.Environ(), "CONTAINERS_STORAGE_CONF="+i.storage, "STORAGE_DRIVER=vfs", "BUILDAH_ISOLATION=chroot", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, errs.Bytes())
	}
	return strings.TrimSpace(string(out))
}

// start runs the image in namespaces of its own, until it is ready.
func (i *image) start(t *testing.T) (pid int) {
	t.Helper()
	const script = `set -e
ip link set lo up
mount --make-rprivate /
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount --bind "$2" "$1/var/lib/safelight"
echo "pid $$"
exec setpriv --no-new-privs env -i SAFELIGHT_DIR=/var/lib/safelight/collector /usr/sbin/chroot --userspec=65532:65532 --groups= "$1" /usr/bin/safelight-collector serve --init 2>&1`
	cmd := exec.Command("unshare", "--mount", "--net", "sh", "-c", script, "sh", i.root, i.volume)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("it did not stop when asked: %v", err)
		}
	})
	var said []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said = append(said, lines.Text())
		if id, ok := strings.CutPrefix(lines.Text(), "pid "); ok {
			if pid, err = strconv.Atoi(id); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Contains(lines.Text(), `"msg":"ready"`) {
			go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the program
			return pid
		}
	}
	t.Fatalf("it was never ready:\n%s", strings.Join(said, "\n"))
	return 0
}

// inside runs a verb as `podman exec` does.
func (i *image) inside(t *testing.T, pid int, verb ...string) string {
	t.Helper()
	at := strconv.Itoa(pid)
	cmd := exec.Command("nsenter", append([]string{"--target", at, "--mount", "--net", "--root", "--setuid", "65532", "--setgid", "65532", "/usr/bin/safelight-collector"}, verb...)...)
	cmd.Env = []string{"SAFELIGHT_DIR=/var/lib/safelight/collector"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v: %s", verb, err, out)
	}
	return string(out)
}
