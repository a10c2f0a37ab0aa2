package process

import (
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
