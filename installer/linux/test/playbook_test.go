package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// overlaid runs a shell script in $root, a copy of this machine's file system whose
// changes are kept in memory and nowhere else, without a network and without a
// systemd. $1 is a folder of this machine, at /srv there.
const overlaid = `set -e
ip link set lo up
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
for dir in proc dev sys; do mount --rbind /$dir /mnt/root/$dir; done
mount --bind "$1" /mnt/root/srv
exec chroot /mnt/root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 ANSIBLE_NOCOWS=1 sh -euc "$2"`

// The guide's playbook is run as it stands there: on a fresh device, again, with a
// newer package, and on a device that is enrolled.
func TestTheGuidesPlaybook(t *testing.T) {
	if os.Getenv("SAFELIGHT_ACCEPTANCE") == "" {
		t.Skip("SKIPPED: a part of make acceptance (SAFELIGHT_ACCEPTANCE=1)")
	}
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: a file system of its own needs root")
	}
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		t.Skip("SKIPPED: where systemd runs, the package would be installed for real")
	}
	for _, tool := range []string{"ansible-playbook", "unshare", "dpkg"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: needs %s (.ci/setup long installs it)", tool)
		}
	}
	if exec.Command("/usr/bin/python3", "-c", "import apt").Run() != nil {
		t.Skip("SKIPPED: needs python3-apt (.ci/setup long installs it)")
	}
	guide, err := os.ReadFile("../../../docs/it-guide.md")
	must(t, err)
	block := regexp.MustCompile("(?s)```yaml\n(- hosts:.*?)```").FindSubmatch(guide)
	if block == nil {
		t.Fatal("the guide has no playbook")
	}
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "files"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "program"), []byte("#!/bin/sh\n"), 0o600))
	for _, version := range []string{before, after} {
		here(t, "../build", "agent", version, runtime.GOARCH, filepath.Join(dir, "program"), filepath.Join(dir, "files"))
	}
	must(t, os.WriteFile(filepath.Join(dir, "safelight.yml"), block[1], 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "inventory"), []byte("[school_devices]\nlocalhost ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n"), 0o600))
	const script = `
play() { ansible-playbook -i /srv/inventory /srv/safelight.yml -e safelight_token=SL1.made-up -e safelight_version=$1; }
play 1.0.0; echo first
stat -c '%a %U' /etc/safelight/enrol.conf; cat /etc/safelight/enrol.conf; dpkg-query -W -f '${Version}\n' safelight-agent
play 1.0.0; echo again
play 1.1.0; dpkg-query -W -f '${Version}\n' safelight-agent
mkdir -p /var/lib/safelight-agent; touch /var/lib/safelight-agent/identity.json
echo 'collector: used' >/etc/safelight/enrol.conf
play 1.1.0; echo enrolled; cat /etc/safelight/enrol.conf`
	cmd := exec.Command("unshare", "--mount", "--net", "sh", "-c", overlaid, "sh", dir, script)
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	t.Log(string(said))
	text := string(said)
	for _, line := range []string{"first\n600 root\ntoken: SL1.made-up\n1.0.0\n", "enrolled\ncollector: used\n", "\n1.1.0\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("%q is not in what it did", line)
		}
	}
	recaps := regexp.MustCompile(`(?m)^localhost .*changed=(\d+) .*failed=0`).FindAllStringSubmatch(text, -1)
	if len(recaps) != 4 || recaps[0][1] == "0" || recaps[1][1] != "0" || recaps[2][1] == "0" || recaps[3][1] != "0" {
		t.Errorf("what each run changed: %v; want something, nothing, something, nothing", recaps)
	}
	if strings.Contains(strings.ReplaceAll(text, "token: SL1.made-up\n1.0.0", ""), "SL1.made-up") {
		t.Error("ansible printed the token")
	}
}
