package attribution

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// readProcess reads what runs as pid: its file, its beginning, its account. The
// little that is asked for may be read of nearly every process, the system's
// protected ones included.
func readProcess(pid int) (winProcess, error) {
	if pid <= 0 || int64(pid) > 1<<32-1 {
		return winProcess{}, errWinGone
	}
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	switch {
	case errors.Is(err, windows.ERROR_ACCESS_DENIED):
		return winProcess{}, errWinHidden
	case err != nil:
		return winProcess{}, fmt.Errorf("%w: %w", errWinGone, err)
	}
	defer windows.CloseHandle(h) //nolint:errcheck // nothing was written
	p := winProcess{pid: pid, exe: imageOf(h), ppid: parentOf(h)}
	var began, ended, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(h, &began, &ended, &kernel, &user); err != nil {
		return winProcess{}, fmt.Errorf("%w: %w", errWinGone, err)
	}
	p.began = time.Unix(0, began.Nanoseconds()).UTC()
	p.sid = sidOf(h)
	var session uint32
	if err := windows.ProcessIdToSessionId(uint32(pid), &session); err == nil {
		p.session = strconv.FormatUint(uint64(session), 10)
	}
	return p, nil
}

// sidOf is the account of a process's token; empty where it may not be read.
func sidOf(process windows.Handle) string {
	var token windows.Token
	if err := windows.OpenProcessToken(process, windows.TOKEN_QUERY, &token); err != nil {
		return ""
	}
	defer token.Close()
	user, err := token.GetTokenUser()
	if err != nil {
		return ""
	}
	return user.User.Sid.String()
}

func imageOf(process windows.Handle) string {
	name := make([]uint16, windows.MAX_LONG_PATH)
	n := uint32(len(name))
	if err := windows.QueryFullProcessImageName(process, 0, &name[0], &n); err != nil {
		return ""
	}
	return windows.UTF16ToString(name[:n])
}

// maxCommandLine bounds what is read of one: Windows allows no more.
const maxCommandLine = 1 << 16

// readWords reads what a process was started with, taken apart as Windows does.
func readWords(pid int) []string {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return nil
	}
	defer windows.CloseHandle(h) //nolint:errcheck // nothing was written
	var size uint32
	_ = windows.NtQueryInformationProcess(h, windows.ProcessCommandLineInformation, nil, 0, &size) // it says how much room it wants
	if head := uint32(unsafe.Sizeof(windows.NTUnicodeString{})); size < head || size > maxCommandLine+2*head {
		return nil
	}
	b := make([]uint64, (size+7)/8) // aligned as the text's head wants to be
	if err := windows.NtQueryInformationProcess(h, windows.ProcessCommandLineInformation, unsafe.Pointer(&b[0]), size, &size); err != nil {
		return nil
	}
	line := (*windows.NTUnicodeString)(unsafe.Pointer(&b[0])).String()
	words, err := windows.DecomposeCommandLine(line)
	if err != nil {
		return nil
	}
	return words
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func parentOf(process windows.Handle) int {
	var info windows.PROCESS_BASIC_INFORMATION
	if err := windows.NtQueryInformationProcess(process, windows.ProcessBasicInformation, unsafe.Pointer(&info), uint32(unsafe.Sizeof(info)), nil); err != nil {
		return 0
	}
	return int(info.InheritedFromUniqueProcessId)
}
