package windows

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keys makes a throw-away certificate, as files of the kinds that sign takes.
func keys(t *testing.T) (pem, key, pfx, password string) {
	t.Helper()
	tools(t, "osslsigncode", "openssl")
	dir := t.TempDir()
	pem, key, pfx, password = filepath.Join(dir, "c.pem"), filepath.Join(dir, "c.key"), filepath.Join(dir, "c.pfx"), filepath.Join(dir, "password")
	must(t, os.WriteFile(password, []byte("invented"), 0o600))
	run(t, nil, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", pem,
		"-subj", "/CN=Throw-away for a test", "-days", "2", "-addext", "extendedKeyUsage=codeSigning")
	run(t, nil, "openssl", "pkcs12", "-export", "-in", pem, "-inkey", key, "-out", pfx, "-passout", "file:"+password)
	return pem, key, pfx, password
}

func run(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	if out, err := try(env, name, args...); err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

func try(env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(e string) bool {
		return strings.HasPrefix(e, "CERT") || strings.HasPrefix(e, "TIMESTAMP=")
	}), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// verify asks for the whole of it: the sums, and who signed.
func verify(pem, path string) error {
	out, err := try(nil, "osslsigncode", "verify", "-CAfile", pem, "-in", path)
	if err == nil && !strings.Contains(out, "Succeeded") {
		return errors.New(out)
	}
	return err
}

func TestASignatureTellsOneChangedByte(t *testing.T) {
	tools(t, "wixl", "msibuild", "faketime")
	pem, key, pfx, password := keys(t)
	for name, env := range map[string][]string{
		"pem": {"CERT=" + pem, "CERTKEY=" + key},
		"pfx": {"CERT=" + pfx, "CERTPASS=" + password},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			msi, err := build(dir, "agent", "x64")
			must(t, err)
			exe := filepath.Join(dir, "program.exe")
			for _, path := range []string{msi, exe} {
				if verify(pem, path) == nil {
					t.Fatalf("%s verifies before it is signed", path)
				}
				run(t, env, "./sign", path)
				must(t, verify(pem, path))
				flipAndVerify(t, pem, path)
			}
			if left, err := filepath.Glob(filepath.Join(dir, "*", "*.msi.*")); err != nil || len(left) > 0 {
				t.Errorf("it leaves %v", left)
			}
		})
	}
}

// flipAndVerify changes one bit in each of some places of what was signed.
func flipAndVerify(t *testing.T, pem, path string) {
	t.Helper()
	signed, err := os.ReadFile(path)
	must(t, err)
	found := 0
	for _, what := range []string{"stands in for the program", "MSCF", "S\x00a\x00f\x00e\x00l\x00i\x00g\x00h\x00t"} {
		at := bytes.Index(signed, []byte(what))
		if at < 0 {
			continue
		}
		found++
		changed := bytes.Clone(signed)
		changed[at+2] ^= 1
		copied := filepath.Join(t.TempDir(), "changed"+filepath.Ext(path))
		must(t, os.WriteFile(copied, changed, 0o600))
		if verify(pem, copied) == nil {
			t.Errorf("%s verifies with byte %d changed", filepath.Base(path), at)
		}
	}
	if found == 0 {
		t.Errorf("nothing of %s was changed", path)
	}
}

// What is within a signed package is signed too: Windows looks at the program
// each time, and at the package once.
func TestTheProgramInASignedPackageIsSigned(t *testing.T) {
	tools(t, "wixl", "msibuild", "faketime", "msiextract")
	pem, key, _, _ := keys(t)
	dir := t.TempDir()
	msi, err := build(dir, "collector", "arm64", "CERT="+pem, "CERTKEY="+key)
	must(t, err)
	run(t, nil, "msiextract", "--directory", filepath.Join(dir, "in"), msi)
	found := 0
	must(t, filepath.WalkDir(filepath.Join(dir, "in"), func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".exe" {
			found++
			err = verify(pem, path)
		}
		return err
	}))
	if found != 1 {
		t.Errorf("%d programs were looked at", found)
	}
}

func TestSigningSaysWhatIsMissingAndLeavesTheFile(t *testing.T) {
	pem, key, pfx, _ := keys(t)
	exe := filepath.Join(t.TempDir(), "program.exe")
	must(t, os.WriteFile(exe, standIn(), 0o600))
	for name, x := range map[string]struct {
		env  []string
		file string
		says string
	}{
		"no certificate":  {nil, exe, "a certificate to sign with"},
		"no key":          {[]string{"CERT=" + pem}, exe, "the key of"},
		"no such key":     {[]string{"CERT=" + pem, "CERTKEY=" + key + ".none"}, exe, "c.key.none cannot be read"},
		"wrong password":  {[]string{"CERT=" + pfx, "CERTPASS=" + pem}, exe, "signing " + exe},
		"another's file":  {[]string{"CERT=" + pem, "CERTKEY=" + key}, pem, "neither .exe nor .msi"},
		"no such program": {[]string{"CERT=" + pem, "CERTKEY=" + key}, exe + ".none.exe", "signing "},
	} {
		if out, err := try(x.env, "./sign", x.file); err == nil || !strings.Contains(out, x.says) {
			t.Errorf("%s: %v, it said %s", name, err, out)
		}
	}
	if now, err := os.ReadFile(exe); err != nil || !bytes.Equal(now, standIn()) {
		t.Errorf("the file was changed: %v", err)
	}
	if all, err := os.ReadDir(filepath.Dir(exe)); err != nil || len(all) != 1 {
		t.Errorf("it leaves %v", all)
	}
}
