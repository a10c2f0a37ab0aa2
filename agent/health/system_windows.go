package health

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// SleepCounts is not so: Go's clock may stand still while the device sleeps, and nothing names a
// boot.
const SleepCounts = false

var hostsFile = known(windows.FOLDERID_System, `drivers\etc\hosts`)

// units are none: the service control manager keeps them in the registry, which only
// administrators may write to.
var units []string

// notices is the entry in everybody's Start menu.
var notices = startMenu()

func startMenu() []string {
	if path := known(windows.FOLDERID_CommonPrograms, "Safelight - what this device records.lnk"); path != "" {
		return []string{path}
	}
	return nil
}

func known(folder *windows.KNOWNFOLDERID, rest string) string {
	base, err := windows.KnownFolderPath(folder, 0)
	if err != nil {
		return ""
	}
	return filepath.Join(base, rest)
}

const tcpip = `SYSTEM\CurrentControlSet\Services\Tcpip\Parameters\Interfaces`

// Servers reads the name servers that each link was given by hand or by DHCP, where
// Windows keeps them.
func Servers() (all []string) {
	links, err := registry.OpenKey(registry.LOCAL_MACHINE, tcpip, registry.ENUMERATE_SUB_KEYS)
	if err != nil {
		return nil
	}
	defer links.Close()
	names, err := links.ReadSubKeyNames(-1)
	if err != nil {
		return nil
	}
	for _, name := range names {
		link, err := registry.OpenKey(registry.LOCAL_MACHINE, tcpip+`\`+name, registry.QUERY_VALUE)
		if err != nil {
			continue
		}
		for _, value := range []string{"NameServer", "DhcpNameServer"} {
			if servers, _, err := link.GetStringValue(value); err == nil {
				all = append(all, strings.FieldsFunc(servers, func(r rune) bool { return r == ' ' || r == ',' })...)
			}
		}
		_ = link.Close()
	}
	return all
}
