package network

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

var procTCPTable = windows.NewLazySystemDLL("iphlpapi.dll").NewProc("GetExtendedTcpTable")

const (
	withOwners  = 4       // TCP_TABLE_OWNER_PID_CONNECTIONS
	maxTCPTable = 8 << 20 // more than a school's device ever has
)

// connections lists the system's TCP connections with their processes.
func (*resolver) connections() ([]connection, error) {
	var all []connection
	for _, family := range []uintptr{windows.AF_INET, windows.AF_INET6} {
		b, err := tcpTable(family)
		if err != nil {
			return nil, fmt.Errorf("listing connections: %w", err)
		}
		all = append(all, tcpConnections(b, family == windows.AF_INET6)...)
	}
	return all, nil
}

func tcpTable(family uintptr) ([]byte, error) {
	if err := procTCPTable.Find(); err != nil {
		return nil, err
	}
	size := uint32(16 << 10)
	for size <= maxTCPTable {
		b := make([]byte, size)
		r, _, _ := procTCPTable.Call(uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&size)), 0, family, withOwners, 0)
		switch err := syscall.Errno(r); {
		case r == 0:
			return b[:min(int(size), len(b))], nil
		case err == windows.ERROR_INSUFFICIENT_BUFFER:
			size += size / 4 // it may grow meanwhile
		default:
			return nil, err
		}
	}
	return nil, windows.ERROR_INSUFFICIENT_BUFFER
}
