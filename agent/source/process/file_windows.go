package process

import (
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"

	"safelight/agent/source/process/pefile"
)

const (
	// maxSigned is how large a file may be whose signature is checked: all of it
	// has to be read for that.
	maxSigned = 256 << 20
	maxFiles  = 2048
)

// files knows what programs' files say of themselves. What was read of a file is
// not read again while the file stays the same.
type files struct {
	mu    sync.Mutex // guards known, and is not held over a read
	known map[fileID]facts
}

type fileID struct {
	volume, high, low uint32
	size              uint64
	written           int64
}

func newFiles() interface{ facts(path string) facts } {
	return newPatient(&files{known: make(map[fileID]facts)}, farDrive)
}

// farDrive says of a drive, as "z:", that it is not one of this device's disks. It is
// asked on the goroutine that reads starts: GetDriveType would ask the drive itself,
// and with it whoever is gone that answered for it. The name of the device behind a
// letter is the object manager's to tell, who waits for nobody.
func farDrive(drive string) bool { return far(drive, dosDevice) }

// facts reads what the file of a program that runs says of itself. What cannot be
// read is empty.
func (f *files) facts(path string) facts {
	file, err := openProgram(path)
	if err != nil {
		return facts{}
	}
	defer file.Close()
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(file.Fd()), &info); err != nil {
		return facts{}
	}
	id := fileID{
		info.VolumeSerialNumber, info.FileIndexHigh, info.FileIndexLow,
		uint64(info.FileSizeHigh)<<32 | uint64(info.FileSizeLow), info.LastWriteTime.Nanoseconds(),
	}
	if known, ok := f.of(id); ok {
		return known
	}
	var found facts
	if v, err := pefile.ReadVersion(file); err == nil {
		found.originalName, found.product = v.OriginalName, v.Product
	}
	if id.size <= maxSigned {
		found.signer = signer(file, path)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.known) >= maxFiles {
		clear(f.known)
	}
	f.known[id] = found
	return found
}

func (f *files) of(id fileID) (facts, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, ok := f.known[id]
	return known, ok
}

// openProgram opens a file so that nobody writes to it meanwhile: what is checked
// and what is read are then the same.
func openProgram(path string) (*os.File, error) {
	wide, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	h, err := windows.CreateFile(wide, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_DELETE, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}

// signer is whose signature the file bears, if it holds: by its own chain of
// certificates, to a root that this device trusts. Nothing is fetched for it from
// the network. What is signed in a catalogue, as Windows' own programs are, is
// not looked up.
func signer(file *os.File, path string) string {
	name, err := pefile.ReadSigner(file)
	if err != nil || !trusted(file, path) {
		return ""
	}
	return name
}

func trusted(file *os.File, path string) bool {
	wide, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return false
	}
	about := &windows.WinTrustFileInfo{FilePath: wide, File: windows.Handle(file.Fd())}
	about.Size = uint32(unsafe.Sizeof(*about))
	data := &windows.WinTrustData{
		UIChoice: windows.WTD_UI_NONE, RevocationChecks: windows.WTD_REVOKE_NONE, UnionChoice: windows.WTD_CHOICE_FILE,
		StateAction: windows.WTD_STATEACTION_VERIFY, ProvFlags: windows.WTD_CACHE_ONLY_URL_RETRIEVAL | windows.WTD_REVOCATION_CHECK_NONE,
		FileOrCatalogOrBlobOrSgnrOrCert: unsafe.Pointer(about),
	}
	data.Size = uint32(unsafe.Sizeof(*data))
	verdict := windows.WinVerifyTrustEx(windows.InvalidHWND, &windows.WINTRUST_ACTION_GENERIC_VERIFY_V2, data)
	data.StateAction = windows.WTD_STATEACTION_CLOSE
	_ = windows.WinVerifyTrustEx(windows.InvalidHWND, &windows.WINTRUST_ACTION_GENERIC_VERIFY_V2, data) // it lets go of memory
	return verdict == nil
}
