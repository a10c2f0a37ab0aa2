package windows

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestBuildingTwiceGivesTheSameBytes(t *testing.T) {
	each(t, func(t *testing.T, which, path string) {
		first, err := os.ReadFile(path)
		must(t, err)
		arch := strings.TrimSuffix(path[strings.LastIndexByte(path, '-')+1:], ".msi")
		// Elsewhere, in another zone, at another time, with the program's own time another.
		dir := filepath.Join(t.TempDir(), "another folder")
		must(t, os.MkdirAll(dir, 0o750))
		again, err := build(dir, which, arch, "TZ=Asia/Tokyo", "LC_ALL=C.UTF-8")
		must(t, err)
		second, err := os.ReadFile(again)
		must(t, err)
		if !bytes.Equal(first, second) {
			t.Errorf("two builds of %s differ", filepath.Base(path))
		}
	})
}

func TestAnotherProgramUnderTheSameVersionIsAnotherProduct(t *testing.T) {
	tools(t, "wixl", "msibuild", "msiinfo", "faketime")
	all, err := built()
	must(t, err)
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "program.exe"), append(standIn(), "changed"...), 0o600))
	other, err := build(dir, "agent", "x64")
	must(t, err)
	now, then := by(t, other, "Property", "Property", "Value"), by(t, all["agent x64"], "Property", "Property", "Value")
	if now["ProductCode"] == then["ProductCode"] || now["UpgradeCode"] != then["UpgradeCode"] {
		t.Errorf("products %s and %s, of %s and %s", now["ProductCode"], then["ProductCode"], now["UpgradeCode"], then["UpgradeCode"])
	}
}

func TestVersionsAreThreeNumbersThatSort(t *testing.T) {
	for described, want := range map[string]string{
		"v1.2.0": "1.2.0", "v1.2.0-5-g1234567": "1.2.0", "v1.2.0-rc1": "1.2.0", "v2.10": "2.10.0", "1.2.3-dirty": "1.2.3",
		"abc1234": "0.26.46878", "1234567": "0.26.46878", "dev": "0.26.46878",
	} {
		cmd := exec.Command("./version", described)
		cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1795352400") // 13:00 of the 326th day
		out, err := cmd.Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %s", described, got, err, want)
		}
	}
}

func TestWhatWindowsInstallerCannotTakeIsRefused(t *testing.T) {
	for _, x := range []struct{ which, version, arch, says string }{
		{"agent", "1.2", "x64", "three numbers"},
		{"agent", "256.0.0", "x64", "below 256"},
		{"agent", "1.2.65536", "x64", "65536"},
		{"agent", "1.2.0-rc1", "x64", "three numbers"},
		{"agent", "1.2.0", "x86", "want x64 or arm64"},
		{"console", "1.2.0", "x64", "want agent or collector"},
	} {
		cmd := exec.Command("./build", x.which, x.version, x.arch, "./build", t.TempDir())
		cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+epoch)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), x.says) && !strings.Contains(string(out), "apt install") {
			t.Errorf("%v: %v, it said %s", x, err, out)
		}
	}
}
