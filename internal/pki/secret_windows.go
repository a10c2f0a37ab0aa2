package pki

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// restrict sets the list on the opened file, and not by its name: what is set by
// name is mixed with what the folder says, wherever that is done wrongly (Wine).
func restrict(path string) error {
	folder, err := windows.GetNamedSecurityInfo(filepath.Dir(path), windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("reading access list of %s: %w", filepath.Dir(path), err)
	}
	sd, err := windows.SecurityDescriptorFromString(secretList(folder.String()))
	if err != nil {
		return fmt.Errorf("building access list: %w", err)
	}
	wide, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return fmt.Errorf("restricting %s: %w", path, err)
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	h, err := windows.CreateFile(wide, windows.WRITE_DAC|windows.READ_CONTROL, share, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return fmt.Errorf("restricting %s: %w", path, err)
	}
	defer windows.CloseHandle(h) //nolint:errcheck // nothing was written through it
	if err := windows.SetKernelObjectSecurity(h, windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, sd); err != nil {
		return fmt.Errorf("restricting %s: %w", path, err)
	}
	return nil
}

func checkOwnerOnly(path string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("reading access list of %s: %w", path, err)
	}
	// Everyone, Users, Authenticated Users and Guests must not be in it.
	text := sd.String()
	for _, who := range []string{";WD)", ";BU)", ";AU)", ";BG)"} {
		if strings.Contains(text, who) {
			return fmt.Errorf("reading %s: others may read it (%s); take the key for known, replace it, and restrict the file to SYSTEM and Administrators", path, text)
		}
	}
	return nil
}

// syncDir does nothing: Windows has no such call, NTFS journals the rename.
func syncDir(string) error { return nil }
