package selfcheck

import (
	"cmp"
	"os"

	"golang.org/x/sys/unix"
)

// system is the distribution's name and the kernel's version.
func (l looks) system() string {
	release, err := os.ReadFile(l.at("/etc/os-release"))
	if err != nil {
		release, _ = os.ReadFile(l.at("/usr/lib/os-release")) // none: it is "Linux"
	}
	name := cmp.Or(prettyName(string(release)), "Linux")
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return name
	}
	return name + ", kernel " + unix.ByteSliceToString(u.Release[:])
}

func places() []browser {
	in := func(name, flatpak string, programs ...string) browser {
		b := browser{name: name}
		for _, p := range programs {
			b.paths = append(b.paths, "/usr/bin/"+p, "/snap/bin/"+p, "/usr/local/bin/"+p)
		}
		if flatpak != "" {
			b.paths = append(b.paths, "/var/lib/flatpak/app/"+flatpak)
		}
		return b
	}
	return []browser{
		in("firefox", "org.mozilla.firefox", "firefox", "firefox-esr"),
		in("chromium", "org.chromium.Chromium", "chromium", "chromium-browser"),
		in("chrome", "com.google.Chrome", "google-chrome", "google-chrome-stable"),
		in("edge", "com.microsoft.Edge", "microsoft-edge", "microsoft-edge-stable"),
		in("brave", "com.brave.Browser", "brave-browser", "brave"),
		in("opera", "com.opera.Opera", "opera"),
		in("vivaldi", "com.vivaldi.Vivaldi", "vivaldi", "vivaldi-stable"),
		in("epiphany", "org.gnome.Epiphany", "epiphany", "epiphany-browser"),
		in("falkon", "org.kde.falkon", "falkon"),
		in("tor-browser", "org.torproject.torbrowser-launcher", "torbrowser-launcher"),
	}
}
