package attribution

import (
	"regexp"
	"strings"
)

// parseFlatpakInfo reads the application's name out of /.flatpak-info, which
// Flatpak puts into each sandbox:
//
//	[Application]
//	name=org.mozilla.firefox
//	runtime=runtime/org.freedesktop.Platform/x86_64/23.08
func parseFlatpakInfo(b []byte) string {
	in := false
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			in = line == "[Application]" || line == "[Runtime]"
			continue
		}
		if name, ok := strings.CutPrefix(line, "name="); ok && in && appID.MatchString(name) {
			return name
		}
	}
	return ""
}

var appID = regexp.MustCompile(`^[A-Za-z0-9._/-]{1,200}$`)

// snapOf names the snap whose file a path is: /snap/firefox/4173/usr/lib/...
func snapOf(exe string) string {
	for _, root := range []string{"/snap/", "/var/lib/snapd/snap/"} {
		rest, ok := strings.CutPrefix(exe, root)
		if !ok {
			continue
		}
		name, rest, ok := strings.Cut(rest, "/")
		if ok && rest != "" && name != "bin" && name != "" && len(name) <= 64 {
			return name
		}
	}
	return ""
}

// appImageMount is the folder that an AppImage mounts itself on,
// /tmp/.mount_krita-Abc123, or "".
func appImageMount(exe string) string {
	i := strings.Index(exe, "/.mount_")
	if i < 0 {
		return ""
	}
	end := strings.IndexByte(exe[i+1:], '/')
	if end < 0 {
		return ""
	}
	return exe[:i+1+end]
}

// parseAppImage finds the file behind an AppImage's mount in
// /proc/PID/mountinfo:
//
//	612 29 0:58 / /tmp/.mount_krita-Abc123 ro,nosuid,nodev,relatime shared:312 - fuse.krita-5.2.AppImage krita-5.2.AppImage ro,user_id=1000
func parseAppImage(mountinfo []byte, mount string) string {
	for line := range strings.Lines(string(mountinfo)) {
		before, after, ok := strings.Cut(line, " - ")
		f := strings.Fields(before)
		if !ok || len(f) < 5 || f[4] != mount {
			continue
		}
		g := strings.Fields(after)
		if len(g) < 2 {
			return ""
		}
		name := g[1][strings.LastIndexByte(g[1], '/')+1:]
		if len(name) > 200 {
			return ""
		}
		return strings.ReplaceAll(name, `\040`, " ")
	}
	return ""
}

// mountStem is what is left of an AppImage's name in that of its mount: the
// runtime keeps six letters and adds six of its own.
func mountStem(mount string) string {
	stem := mount[strings.LastIndex(mount, "/.mount_")+len("/.mount_"):]
	if len(stem) > 6 {
		stem = stem[:len(stem)-6]
	}
	return stem
}
