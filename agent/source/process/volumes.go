package process

import (
	"strings"
	"time"
)

// volumes turns the kernel's names of files into those that people and rules
// know: \Device\HarddiskVolume3\Windows\notepad.exe is C:\Windows\notepad.exe.
// Letters come and go with USB sticks, so they are read again when a device is
// met that none stands for, and once in a while.
type volumes struct {
	// list gives the devices by their letters: "C:" is \Device\HarddiskVolume3.
	list  func() map[string]string
	now   func() time.Time
	known map[string]string // letters by devices
	read  time.Time
}

const (
	// volumesFor is how long letters are believed: a stick may have taken
	// another's place.
	volumesFor = time.Minute
	// volumesAgain is how soon an unknown device may make them be read again.
	volumesAgain = 2 * time.Second
)

func newVolumes(list func() map[string]string, now func() time.Time) *volumes {
	return &volumes{list: list, now: now}
}

// dos gives the path by its letter, or as it stands where no letter is known.
func (v *volumes) dos(path string) string {
	for _, same := range []struct{ nt, dos string }{
		{`\??\UNC\`, `\\`}, {`\??\`, ``}, {`\\?\UNC\`, `\\`}, {`\\?\`, ``}, {`\Device\Mup\`, `\\`},
	} {
		if rest, ok := cutFold(path, same.nt); ok {
			return same.dos + rest
		}
	}
	device, rest, ok := splitDevice(path)
	if !ok {
		return path
	}
	now := v.now()
	letter, ok := v.known[strings.ToLower(device)]
	if age := now.Sub(v.read); v.known == nil || age > volumesFor || age < 0 || !ok && age > volumesAgain {
		v.refresh(now)
		letter, ok = v.known[strings.ToLower(device)]
	}
	if !ok {
		return path
	}
	return letter + rest
}

// splitDevice cuts \Device\HarddiskVolume3\Windows before its third backslash.
func splitDevice(path string) (device, rest string, ok bool) {
	const prefix = `\Device\`
	after, ok := cutFold(path, prefix)
	if !ok {
		return "", "", false
	}
	i := strings.IndexByte(after, '\\')
	if i <= 0 {
		return "", "", false
	}
	return path[:len(prefix)+i], after[i:], true
}

// ownDisks begin the names of the devices that are this device's own disks: fixed ones,
// sticks, discs, memory. A share's are others (\Device\LanmanRedirector\;Z:...), and
// so are those of programs that show a cloud as a disk.
var ownDisks = []string{`\Device\HarddiskVolume`, `\Device\CdRom`, `\Device\Floppy`, `\Device\Ramdisk`}

// far says of a drive, as "z:", that another computer or a program answers for it;
// device gives what a letter stands for. A letter may stand for a folder behind
// another (SUBST: \??\C:\apps).
func far(drive string, device func(drive string) string) bool {
	const deep = 4 // letters can stand for each other in a circle
	for range deep {
		to := device(drive)
		for _, prefix := range ownDisks {
			if _, ok := cutFold(to, prefix); ok {
				return false
			}
		}
		folder, ok := cutFold(to, `\??\`)
		if !ok || len(folder) < 2 || folder[1] != ':' {
			return true
		}
		drive = folder[:2]
	}
	return true
}

func cutFold(path, prefix string) (string, bool) {
	if len(path) < len(prefix) || !strings.EqualFold(path[:len(prefix)], prefix) {
		return "", false
	}
	return path[len(prefix):], true
}

func (v *volumes) refresh(now time.Time) {
	v.read = now
	v.known = make(map[string]string)
	for letter, device := range v.list() {
		device = strings.ToLower(device)
		if had, ok := v.known[device]; !ok || letter < had { // SUBST gives a second letter
			v.known[device] = letter
		}
	}
}
