package selfcheck

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// system is the system's version, as its kernel says it.
func (looks) system() string {
	v := windows.RtlGetVersion()
	return fmt.Sprintf("Windows %d.%d build %d", v.MajorVersion, v.MinorVersion, v.BuildNumber)
}

func places() []browser {
	in := func(name, path string) browser {
		return browser{name, []string{`C:\Program Files\` + path, `C:\Program Files (x86)\` + path}}
	}
	return []browser{
		in("firefox", `Mozilla Firefox\firefox.exe`), in("chrome", `Google\Chrome\Application\chrome.exe`),
		in("chromium", `Chromium\Application\chrome.exe`), in("edge", `Microsoft\Edge\Application\msedge.exe`),
		in("brave", `BraveSoftware\Brave-Browser\Application\brave.exe`), in("opera", `Opera\opera.exe`), in("vivaldi", `Vivaldi\Application\vivaldi.exe`),
	}
}
