package bpf

import (
	"bufio"
	"io"
	"os"
	"strings"
)

// Root returns the folder where cgroup v2 is mounted. The error is an
// *Unavailable.
func Root() (string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", &Unavailable{Reason: "finding where cgroup v2 is mounted", Err: err}
	}
	defer f.Close()
	if root := root(f); root != "" {
		return root, nil
	}
	return "", &Unavailable{Reason: "no cgroup v2 is mounted; boot with systemd.unified_cgroup_hierarchy=1, or mount one at /sys/fs/cgroup/unified"}
}

// root finds the mount of the whole cgroup v2 tree:
//
//	42 24 0:39 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
func root(mountinfo io.Reader) string {
	lines := bufio.NewScanner(mountinfo)
	for lines.Scan() {
		mount, system, ok := strings.Cut(lines.Text(), " - ")
		fields := strings.Fields(mount)
		if !ok || !strings.HasPrefix(system, "cgroup2 ") || len(fields) < 5 || fields[3] != "/" {
			continue
		}
		return unescape(fields[4])
	}
	return ""
}

// unescape puts back the characters that mountinfo writes in octal.
func unescape(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}
