package pkg

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// build makes the packages of a stand-in program into a folder.
func build(t *testing.T, version, epoch string) (string, []byte, error) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("./build", version, "amd64", program, filepath.Join(dir, "out"))
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+epoch)
	said, err := cmd.CombinedOutput()
	return filepath.Join(dir, "out"), said, err
}

func TestThePackageHoldsTheToolAndNoPolicyOfItsOwn(t *testing.T) {
	dpkg, err := exec.LookPath("dpkg-deb")
	if err != nil {
		t.Skip("SKIPPED: needs dpkg-deb (.ci/setup installs it)")
	}
	out, said, err := build(t, "1.2.0", "1795305600")
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	deb := filepath.Join(out, "safelight-browser-policies_1.2.0_amd64.deb")
	list, err := exec.Command(dpkg, "--contents", deb).Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^(-\S+) (root/root) .* \./(\S+)$`).FindAllStringSubmatch(string(list), -1) {
		got = append(got, m[1]+" "+m[3])
	}
	const doc = "-rw-r--r-- usr/share/doc/safelight-browser-policies/"
	want := []string{doc + "NOTICE.gz", doc + "README.md", doc + "changelog.gz", doc + "copyright", "-rwxr-xr-x usr/sbin/safelight-browser-policies"}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("it holds\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	control, err := exec.Command(dpkg, "--info", deb).Output()
	if err != nil || strings.Contains(string(control), "conffiles") || strings.Contains(string(control), "Depends") {
		t.Errorf("%v: %s", err, control)
	}
}

func TestTwoBuildsGiveTheSamePackages(t *testing.T) {
	first, said, err := build(t, "1.2.0", "1795305600")
	second, _, err2 := build(t, "1.2.0", "1795305600")
	later, _, err3 := build(t, "1.2.0", "1795305601")
	if err != nil || err2 != nil || err3 != nil {
		t.Fatalf("%v, %v, %v: %s", err, err2, err3, said)
	}
	names, err := filepath.Glob(filepath.Join(first, "*"))
	if err != nil || len(names) != 2 {
		t.Fatalf("%v, %v: want a .deb and a .rpm", names, err)
	}
	for _, name := range names {
		read := func(dir string) []byte {
			text, err := os.ReadFile(filepath.Join(dir, filepath.Base(name)))
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		if !bytes.Equal(read(first), read(second)) {
			t.Errorf("%s differs from one build to the next", filepath.Base(name))
		}
		if bytes.Equal(read(first), read(later)) {
			t.Errorf("%s does not depend on the commit's time: this test sees nothing", filepath.Base(name))
		}
	}
}

func TestAVersionThatThePackageCannotHaveIsRefused(t *testing.T) {
	if _, said, err := build(t, "v1.2.0", "1795305600"); err == nil || !strings.Contains(string(said), "version 'v1.2.0'") {
		t.Errorf("%v: %s", err, said)
	}
}
