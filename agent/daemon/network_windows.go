package daemon

import (
	"strings"

	"golang.org/x/sys/windows/registry"
)

const tcpip = `SYSTEM\CurrentControlSet\Services\Tcpip\Parameters\Interfaces`

// handedOut reads the domains that each link was given by DHCP or by hand, where
// Windows keeps them.
func handedOut() (domains []string) {
	all, err := registry.OpenKey(registry.LOCAL_MACHINE, tcpip, registry.ENUMERATE_SUB_KEYS)
	if err != nil {
		return nil
	}
	defer all.Close()
	links, err := all.ReadSubKeyNames(-1)
	if err != nil {
		return nil
	}
	for _, link := range links {
		key, err := registry.OpenKey(registry.LOCAL_MACHINE, tcpip+`\`+link, registry.QUERY_VALUE)
		if err != nil {
			continue
		}
		for _, name := range []string{"DhcpDomain", "Domain"} {
			if domain, _, err := key.GetStringValue(name); err == nil && domain != "" {
				domains = append(domains, strings.Fields(domain)...)
			}
		}
		_ = key.Close()
	}
	return domains
}
