package daemon

import (
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// handedOut asks Windows for the domain of each link that is up, as DHCP or somebody's
// hand gave it. What the registry keeps of a link that is down says nothing of where
// the device is: a school's name kept there would make a home the school.
func handedOut() (domains []string) {
	size := uint32(1 << 14)
	for range 4 { // links come and go while it is asked
		room := make([]byte, size)
		first := (*windows.IpAdapterAddresses)(unsafe.Pointer(&room[0])) //nolint:gosec // the form that Windows writes there
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, windows.GAA_FLAG_SKIP_UNICAST|windows.GAA_FLAG_SKIP_ANYCAST|windows.GAA_FLAG_SKIP_MULTICAST, 0, first, &size)
		if err == windows.ERROR_BUFFER_OVERFLOW { //nolint:errorlint // an errno, as it is
			continue // size is now what it wants
		}
		if err != nil {
			return nil
		}
		for link := first; link != nil; link = link.Next {
			if link.OperStatus == windows.IfOperStatusUp && link.DnsSuffix != nil {
				domains = append(domains, strings.Fields(windows.UTF16PtrToString(link.DnsSuffix))...)
			}
		}
		return domains
	}
	return nil
}
