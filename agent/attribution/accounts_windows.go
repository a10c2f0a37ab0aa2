package attribution

import (
	"errors"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"safelight/internal/event"
)

// readAccount asks Windows for the name of a SID. A domain controller that is
// away may make it wait.
func readAccount(sid string) sidAccount {
	s, err := windows.StringToSid(sid)
	if err != nil {
		return sidAccount{reason: event.ReasonNoName}
	}
	name, domain, _, err := s.LookupAccount("")
	switch {
	case errors.Is(err, windows.ERROR_NONE_MAPPED):
		return sidAccount{reason: event.ReasonNoName}
	case err != nil || name == "":
		return sidAccount{reason: event.ReasonDirectory}
	case !personSID(sid), strings.EqualFold(domain, computerName()):
		return sidAccount{login: name}
	}
	return sidAccount{login: domain + `\` + name, domain: domain}
}

// computerName is the domain of local accounts.
func computerName() string {
	name := make([]uint16, windows.MAX_COMPUTERNAME_LENGTH+1)
	n := uint32(len(name))
	if err := windows.GetComputerName(&name[0], &n); err != nil {
		return ""
	}
	return windows.UTF16ToString(name[:n])
}

// resolverService finds the process of Windows' DNS client service, which changes
// only when the service starts again.
type resolverService struct {
	now func() time.Time

	mu    sync.Mutex // guards what follows
	known int
	asked time.Time
}

const resolverFor = time.Minute

func (r *resolverService) pid() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.now(); r.asked.IsZero() || now.Sub(r.asked).Abs() > resolverFor {
		r.asked, r.known = now, servicePID("Dnscache")
	}
	return r.known
}

// servicePID is the process that a service runs in, or 0.
func servicePID(name string) int {
	wide, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return 0
	}
	manager, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT)
	if err != nil {
		return 0
	}
	defer windows.CloseServiceHandle(manager) //nolint:errcheck // nothing was written
	service, err := windows.OpenService(manager, wide, windows.SERVICE_QUERY_STATUS)
	if err != nil {
		return 0
	}
	defer windows.CloseServiceHandle(service) //nolint:errcheck // likewise
	var st windows.SERVICE_STATUS_PROCESS
	var needed uint32
	if err := windows.QueryServiceStatusEx(service, windows.SC_STATUS_PROCESS_INFO, (*byte)(unsafe.Pointer(&st)), uint32(unsafe.Sizeof(st)), &needed); err != nil {
		return 0
	}
	return int(st.ProcessId)
}
