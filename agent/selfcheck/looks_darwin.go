package selfcheck

import "golang.org/x/sys/unix"

// system is the system's product version.
func (looks) system() string {
	version, err := unix.Sysctl("kern.osproductversion")
	if err != nil {
		return "macOS"
	}
	return "macOS " + version
}

func places() []browser {
	in := func(name, app string) browser { return browser{name, []string{"/Applications/" + app + ".app"}} }
	return []browser{
		in("safari", "Safari"), in("firefox", "Firefox"), in("chrome", "Google Chrome"), in("chromium", "Chromium"),
		in("edge", "Microsoft Edge"), in("brave", "Brave Browser"), in("opera", "Opera"), in("vivaldi", "Vivaldi"), in("tor-browser", "Tor Browser"),
	}
}
