package attribution

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"

	"safelight/internal/event"
)

var procSessionInfo = windows.NewLazySystemDLL("wtsapi32.dll").NewProc("WTSQuerySessionInformationW")

// What is asked of a session (WTS_INFO_CLASS), and what the client's protocol is.
const (
	sessionUser     = 5  // WTSUserName
	sessionDomain   = 7  // WTSDomainName
	sessionState    = 8  // WTSConnectState
	sessionProtocol = 16 // WTSClientProtocolType

	protocolConsole = 0
	protocolRDP     = 2
)

// readSession says where the person of a session sits.
func readSession(id uint32) (at winSession) {
	state, ok := sessionNumber(id, sessionState)
	if !ok || state != windows.WTSActive {
		return at
	}
	switch protocol, ok := sessionNumber(id, sessionProtocol); {
	case !ok:
	case protocol == protocolConsole:
		at.console = true
	case protocol == protocolRDP:
		at.remote = event.RemoteRDP
	default:
		at.remote = event.RemoteOther
	}
	return at
}

// askSession hands what Windows says of a session to read.
func askSession(id, class uint32, read func(b []byte)) bool {
	if procSessionInfo.Find() != nil {
		return false
	}
	var at *byte
	var n uint32
	r, _, _ := procSessionInfo.Call(0, uintptr(id), uintptr(class), uintptr(unsafe.Pointer(&at)), uintptr(unsafe.Pointer(&n)))
	if r == 0 || at == nil {
		return false
	}
	defer windows.WTSFreeMemory(uintptr(unsafe.Pointer(at)))
	read(unsafe.Slice(at, n))
	return true
}

// sessionNumber reads a number of two or four bytes.
func sessionNumber(id, class uint32) (n uint32, ok bool) {
	ok = askSession(id, class, func(b []byte) {
		for i := range min(len(b), 4) {
			n |= uint32(b[i]) << (8 * i)
		}
	})
	return n, ok
}

func sessionText(id, class uint32) (s string) {
	askSession(id, class, func(b []byte) {
		units := make([]uint16, 0, len(b)/2)
		for ; len(b) >= 2; b = b[2:] {
			units = append(units, uint16(b[0])|uint16(b[1])<<8)
		}
		s = windows.UTF16ToString(units)
	})
	return s
}

// SignedIn lists the accounts that are signed in on this machine, at the device or
// from elsewhere, those who left their session open included.
func SignedIn(string) ([]string, error) {
	var first *windows.WTS_SESSION_INFO
	var n uint32
	if err := windows.WTSEnumerateSessions(0, 0, 1, &first, &n); err != nil {
		return nil, fmt.Errorf("looking who is signed in: %w", err)
	}
	if first == nil {
		return nil, errors.New("looking who is signed in: Windows lists no sessions")
	}
	defer windows.WTSFreeMemory(uintptr(unsafe.Pointer(first)))
	var accounts []string
	for _, s := range unsafe.Slice(first, n) {
		name := sessionText(s.SessionID, sessionUser)
		if name == "" {
			continue // the services', or one at which nobody has signed in
		}
		if domain := sessionText(s.SessionID, sessionDomain); domain != "" && !strings.EqualFold(domain, computerName()) {
			name = domain + `\` + name
		}
		accounts = append(accounts, name)
	}
	return accounts, nil
}
