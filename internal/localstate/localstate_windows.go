package localstate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// checkDir refuses a folder that somebody else made, before us and perhaps to put
// his own files into it: its owner may always change who may enter. So may the
// owner of the folder above put another in its place. What of ours others may
// enter is closed to them.
func checkDir(dir string) error {
	self, err := selfSID()
	if err != nil {
		return fmt.Errorf("checking state folder: %w", err)
	}
	const asked = windows.OWNER_SECURITY_INFORMATION | windows.DACL_SECURITY_INFORMATION
	for _, one := range []string{filepath.Dir(dir), dir} {
		sd, err := windows.GetNamedSecurityInfo(one, windows.SE_FILE_OBJECT, asked)
		if err != nil {
			return fmt.Errorf("reading who may enter %s: %w", one, err)
		}
		if owner := ownerOf(sd.String()); !trusted(owner, self) {
			return fmt.Errorf("checking state folder %s: %s belongs to %s and neither to the administrators nor to this account; look at what is in it, then remove it, or give it to them: takeown /a /r /f %q",
				dir, one, owner, one)
		}
		if one != dir {
			continue
		}
		if ok, services := closed(sd.String(), self); !ok {
			return closeDir(dir, ownersOnly(self, services))
		}
	}
	return nil
}

func closeDir(dir, list string) error {
	sd, err := windows.SecurityDescriptorFromString(list)
	if err != nil {
		return fmt.Errorf("closing state folder %s to others: %w", dir, err)
	}
	dacl, _, err := sd.DACL()
	if err == nil {
		err = windows.SetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT,
			windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, dacl, nil)
	}
	if err != nil {
		return fmt.Errorf("closing state folder %s to others: %w", dir, err)
	}
	return nil
}

// selfSID is this process's account.
func selfSID() (string, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return "", fmt.Errorf("asking which account this is: %w", err)
	}
	return user.User.Sid.String(), nil
}

// Lock takes the folder for this process until the returned func is called or
// the process ends, however it ends.
func Lock(dir string) (unlock func(), err error) { return lock(dir, filepath.Join(dir, "lock")) }

// LockFile is Lock with a file's own path, where it is not a state folder that is
// locked.
func LockFile(path string) (unlock func(), err error) { return lock(path, path) }

func lock(dir, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	var ol windows.Overlapped
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &ol)
	if err != nil {
		_ = f.Close()
		if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
			return nil, fmt.Errorf("locking %s: %w", dir, ErrInUse)
		}
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	return func() { _ = f.Close() }, nil
}

func systemDir(program string) (string, error) {
	base, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, 0)
	if err != nil {
		return "", err
	}
	return filepath.Join(base, "Safelight", program), nil
}

func publicDir(string) (string, error) {
	base, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, 0)
	if err != nil {
		return "", err
	}
	return filepath.Join(base, "Safelight", "public"), nil
}
