package process

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestFilesAreNamedByTheirLetters(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	devices := map[string]string{"C:": `\Device\HarddiskVolume3`, "E:": `\Device\HarddiskVolume30`, "S:": `\Device\HarddiskVolume3`}
	reads := 0
	v := newVolumes(func() map[string]string { reads++; return devices }, func() time.Time { return now })
	for path, want := range map[string]string{
		`\Device\HarddiskVolume3\Windows\System32\notepad.exe`: `C:\Windows\System32\notepad.exe`,
		`\device\harddiskvolume3\Windows\System32\notepad.exe`: `C:\Windows\System32\notepad.exe`,
		`\Device\HarddiskVolume30\game.exe`:                    `E:\game.exe`,
		`\Device\Mup\server\share\tool.exe`:                    `\\server\share\tool.exe`,
		`\??\C:\Windows\explorer.exe`:                          `C:\Windows\explorer.exe`,
		`\??\UNC\server\share\tool.exe`:                        `\\server\share\tool.exe`,
		`\Device\HarddiskVolume9\lost.exe`:                     `\Device\HarddiskVolume9\lost.exe`,
		`\Device\HarddiskVolume3`:                              `\Device\HarddiskVolume3`,
		`\Device\`:                                             `\Device\`,
		`C:\plain.exe`:                                         `C:\plain.exe`,
		`Registry`:                                             `Registry`,
		``:                                                     ``,
	} {
		if got := v.dos(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	if reads != 1 {
		t.Errorf("the letters were read %d times at once", reads)
	}
}

func TestAStickThatWasPutInHasALetter(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	devices := map[string]string{"C:": `\Device\HarddiskVolume3`}
	v := newVolumes(func() map[string]string { return devices }, func() time.Time { return now })
	const path = `\Device\HarddiskVolume7\game.exe`
	if got := v.dos(path); got != path {
		t.Errorf("got %s", got)
	}
	devices["E:"] = `\Device\HarddiskVolume7`
	now = now.Add(volumesAgain + time.Second)
	if got := v.dos(path); got != `E:\game.exe` {
		t.Errorf("got %s", got)
	}
	devices["E:"] = `\Device\HarddiskVolume8` // another stick took its letter
	now = now.Add(volumesFor + time.Second)
	if got := v.dos(path); got != path {
		t.Errorf("got %s", got)
	}
}

// Who is asked whether a drive is far is asked by the goroutine that reads starts: it
// may go by names alone, and what it does not know is far.
func TestADriveIsFarUnlessADiskOfThisDeviceStandsBehindIt(t *testing.T) {
	devices := map[string]string{
		"c:": `\Device\HarddiskVolume3`, "d:": `\Device\CdRom0`, "e:": `\device\harddiskvolume12`, "s:": `\??\C:\apps`, "t:": `\??\s:\games`,
		"r:": `\Device\Ramdisk{d9b257fc-684e-4dcb-ab79-03cfa2f6b750}`,
		"z:": `\Device\LanmanRedirector\;Z:00000000000a1b2c\school\apps`, "y:": `\Device\WebDavRedirector\;Y:0\cloud.example\dav`,
		"g:": `\Device\Volume{5f3c2a10-0000-0000-0000-100000000000}`, "u:": `\??\UNC\school\apps`, "v:": `\??\Z:\apps`, "k:": `\??\L:\`, "l:": `\??\K:\`, "m:": `\??\`,
	}
	for drive, want := range map[string]bool{
		"c:": false, "d:": false, "e:": false, "s:": false, "t:": false, "r:": false,
		"z:": true, "y:": true, "g:": true, "u:": true, "v:": true, "k:": true, "m:": true, "q:": true,
	} {
		if got := far(drive, func(of string) string { return devices[strings.ToLower(of)] }); got != want {
			t.Errorf("%s, which is %s: far is %v", drive, devices[drive], got)
		}
	}
}

func TestNoDriveIsAskedWhatItIs(t *testing.T) {
	for _, name := range []string{"file_windows.go", "trace_windows.go"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, asks := range []string{"windows.GetDriveType(", "windows.GetVolumeInformation("} {
			if strings.Contains(string(b), asks) {
				t.Errorf("%s calls %s, which waits for whoever answers for the drive", name, asks)
			}
		}
	}
}
