package e2etest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"safelight/internal/trialschool"
)

// laptop is an invented school's Linux device as far as an agent can tell: a root
// folder, a name, a board and a machine-id of its own, with the programs of this
// machine. Its agent runs as the package's unit says, apart from systemd's sandbox and from
// packets and programs: on one kernel each would see those of all the others.
type laptop struct {
	s                  *trialschool.School
	root, name, serial string
	agent              *trialschool.Program
}

// agentAccount is the package's account on a laptop.
const agentAccount, agentUID = "safelight-agent", 998

// asLaptop runs its third argument where the laptop is: a mount and a UTS namespace
// of its own, which go when it ends. Its process keeps its number.
const asLaptop = `set -e
hostname "$2"
for d in usr proc dev; do mount --rbind "/$d" "$1/$d"; done
mount --bind "$3" "$1/opt"
for d in pam.d security; do mount --rbind "/etc/$d" "$1/etc/$d"; done
exec chroot "$1" env -i PATH=/opt:/usr/sbin:/usr/bin sh -c "$4"`

// needLaptops skips where none can be had.
func needLaptops(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: needs root, to give each device a board and a name of its own")
	}
	for _, tool := range []string{"unshare", "hostname", "chroot", "setpriv", "runuser"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: needs %s", tool)
		}
	}
	if _, err := os.Readlink("/lib"); err != nil {
		t.Skip("SKIPPED: needs a system whose programs are all below /usr")
	}
	check(t, os.Chmod(bin, 0o755)) // the package's account runs what is there
	if out, err := exec.CommandContext(t.Context(), "unshare", "--mount", "--uts", "true").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: namespaces cannot be made here: %v %s", err, out)
	}
}

// newLaptop lays the number-th down, with nothing of ours on it yet but what a
// package makes: its account and its folders.
func newLaptop(t *testing.T, s *trialschool.School, number int) *laptop {
	t.Helper()
	l := &laptop{s: s, root: filepath.Join(s.Dir, fmt.Sprintf("lt%d", number)), name: fmt.Sprintf("demo-lt-%03d", number), serial: fmt.Sprintf("DEMO%04d", number)}
	for _, dir := range []string{"usr", "proc", "dev", "opt", "tmp", "etc/pam.d", "etc/security", "var/log", "var/lib/safelight-agent", "var/cache/safelight-agent", "sys/class/dmi/id"} {
		check(t, os.MkdirAll(filepath.Join(l.root, dir), 0o755))
	}
	for _, name := range []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32"} {
		if to, err := os.Readlink("/" + name); err == nil {
			check(t, os.Symlink(to, filepath.Join(l.root, name)))
		}
	}
	account := fmt.Sprintf("%s:x:%d:%d::/var/lib/%[1]s:/usr/sbin/nologin\n", agentAccount, agentUID, agentUID)
	for name, text := range map[string]string{
		"etc/passwd": "root:x:0:0::/:/bin/sh\n" + account, "etc/group": fmt.Sprintf("root:x:0:\n%s:x:%d:\n", agentAccount, agentUID),
		"etc/shadow": "root:*:1::::::\n" + agentAccount + ":*:1::::::\n",
		"etc/hosts":  "127.0.0.1 localhost\n", "var/log/demo-access.log": "", "etc/machine-id": fmt.Sprintf("%032x\n", number),
		"sys/class/dmi/id/product_serial": l.serial + "\n", "sys/class/dmi/id/product_uuid": fmt.Sprintf("4c4c4544-0031-3110-8052-%012x\n", number),
	} {
		check(t, os.WriteFile(filepath.Join(l.root, name), []byte(text), 0o644))
	}
	for _, dir := range []string{"var/lib/safelight-agent", "var/cache/safelight-agent"} {
		check(t, os.Chown(filepath.Join(l.root, dir), agentUID, agentUID))
	}
	check(t, os.Chmod(filepath.Join(l.root, "var/lib/safelight-agent"), 0o700))
	return l
}

// command runs a line of its shell, as its root.
func (l *laptop) command(line string) (string, []string) {
	return "unshare", []string{"--mount", "--uts", "sh", "-c", asLaptop, "sh", l.root, l.name, filepath.Dir(l.s.Agent), line}
}

// types is what somebody types at it.
func (l *laptop) types(ctx context.Context, line string) (string, error) {
	name, args := l.command(line)
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	return string(out), err
}

// settings keep packets and programs out of it; see laptop.
const settings = `printf 'network: {enabled: false}\nprocess: {enabled: false}\nweblog: [{format: squid, path: /var/log/demo-access.log}]\n' >/etc/safelight/agent.yaml`

// installs does what the guide has typed before the package is installed, and then
// starts what its unit starts, until its log has the word.
func (l *laptop) installs(ctx context.Context, u unit, typed, word string) error {
	const rights = "setpriv --reuid=" + agentAccount + " --regid=" + agentAccount + " --clear-groups --bounding-set=-all,+dac_read_search --inh-caps=-all,+dac_read_search --ambient-caps=+dac_read_search --no-new-privs "
	name, args := l.command("set -e; umask 022\n" + typed + "\n" + settings + "\n" + u.before + "\ncd /; umask 0077\nexec " + rights + u.start)
	var err error
	l.agent, err = trialschool.Start(ctx, l.s.Ended, word, name, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", l.name, err)
	}
	return nil
}

// unit is what of the package's unit is done here.
type unit struct{ before, start string }

func readUnit(t *testing.T) unit {
	t.Helper()
	text := string(must[[]byte](t)(os.ReadFile("../../installer/linux/safelight-agent.service")))
	before := regexp.MustCompile(`(?m)^ExecStartPre=\+(/bin/sh .*)$`).FindStringSubmatch(text)
	start := regexp.MustCompile(`(?m)^ExecStart=/usr/bin/(safelight-agent run .*)$`).FindStringSubmatch(text)
	if before == nil || start == nil || !strings.Contains(text, "\nUser="+agentAccount+"\n") || !strings.Contains(text, " CAP_DAC_READ_SEARCH\n") {
		t.Fatal("the agent's unit starts it in another way: do the same here")
	}
	return unit{before[1], start[1]}
}
