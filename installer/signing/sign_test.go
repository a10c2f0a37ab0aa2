package signing

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// release is a folder as make dist leaves it, and a key made for this test alone.
type release struct{ dist, secret, public, tool string }

func newRelease(t *testing.T) release {
	t.Helper()
	out, err := exec.Command("../../.ci/tool", "minisign").Output()
	if err != nil {
		t.Fatalf("building minisign: %v", err)
	}
	dir := t.TempDir()
	r := release{filepath.Join(dir, "dist"), filepath.Join(dir, "key"), filepath.Join(dir, "pub"), strings.TrimSpace(string(out))}
	if out, err := exec.Command(r.tool, "-G", "-W", "-s", r.secret, "-p", r.public).CombinedOutput(); err != nil {
		t.Fatalf("making a key: %v: %s", err, out)
	}
	must(t, os.Mkdir(r.dist, 0o700))
	must(t, os.WriteFile(filepath.Join(r.dist, "safelight.deb"), []byte("a package\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(r.dist, "safelight.msi"), []byte("another\n"), 0o600))
	r.sum(t)
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (r release) sum(t *testing.T) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "sha256sum -- safelight.* >SHA256SUMS")
	cmd.Dir = r.dist
	must(t, cmd.Run())
}

func (r release) sign(more ...string) (string, error) {
	cmd := exec.Command("../../.ci/sign")
	cmd.Env = append(os.Environ(), append([]string{"DIST=" + r.dist, "KEY=" + r.secret, "VERSION=1.2.0", "CERT="}, more...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// verify does what the README tells a school to do.
func (r release) verify(tool string) error {
	first := exec.Command(tool, "-V", "-p", r.public, "-m", "SHA256SUMS")
	second := exec.Command("sha256sum", "--ignore-missing", "--check", "SHA256SUMS")
	var said bytes.Buffer
	for _, cmd := range []*exec.Cmd{first, second} {
		cmd.Dir, cmd.Stdout = r.dist, &said
		if err := cmd.Run(); err != nil {
			return err
		}
	}
	if !strings.Contains(said.String(), "Signature and comment signature verified") || !strings.Contains(said.String(), "Safelight 1.2.0") {
		return errors.New("it says " + said.String())
	}
	return nil
}

// published is true once a release key exists: then a key of this test is rightly refused.
func published() bool { _, err := os.Stat("safelight.pub"); return err == nil }

func TestOneByteChangedInAnySignedFileIsCaught(t *testing.T) {
	if published() {
		t.Skip("SKIPPED: safelight.pub is there, so that a throw-away key is refused (the next test)")
	}
	r := newRelease(t)
	if out, err := r.sign(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	tools := []string{r.tool}
	if other, err := exec.LookPath("minisign"); err == nil {
		tools = append(tools, other) // the C program of the same name
	} else {
		t.Log("the C program minisign is not here: only our own tool was tried")
	}
	for _, tool := range tools {
		if err := r.verify(tool); err != nil {
			t.Fatalf("what was just signed: %s: %v", tool, err)
		}
		for _, name := range []string{"SHA256SUMS", "SHA256SUMS.minisig", "safelight.deb", "safelight.msi"} {
			path := filepath.Join(r.dist, name)
			was, err := os.ReadFile(path)
			must(t, err)
			now := bytes.Clone(was)
			now[len(now)*2/3] ^= 1
			must(t, os.WriteFile(path, now, 0o600))
			if r.verify(tool) == nil {
				t.Errorf("%s: one changed byte of %s was not noticed", tool, name)
			}
			must(t, os.WriteFile(path, was, 0o600))
		}
		stranger := newRelease(t)
		other := r
		other.public = stranger.public
		if other.verify(tool) == nil {
			t.Errorf("%s: another's key verifies it", tool)
		}
	}
}

func TestNothingIsSignedThatIsNotAsItWasBuiltOrByNoKey(t *testing.T) {
	r := newRelease(t)
	for what, try := range map[string]func() (string, error){
		"needs KEY":          func() (string, error) { return r.sign("KEY=") },
		"no such file":       func() (string, error) { return r.sign("KEY=" + r.secret + ".none") },
		"run make dist":      func() (string, error) { return r.sign("DIST=" + r.dist + "/none") },
		"CERT needs CERTKEY": func() (string, error) { return r.sign("CERT=x.pem", "CERTKEY=") },
		"not as make dist left": func() (string, error) {
			must(t, os.WriteFile(filepath.Join(r.dist, "safelight.deb"), []byte("b\n"), 0o600))
			return r.sign()
		},
	} {
		out, err := try()
		if err == nil || !strings.Contains(out, what) {
			t.Errorf("%s: %v, it said %q", what, err, out)
		}
		if _, err := os.Stat(filepath.Join(r.dist, "SHA256SUMS.minisig")); err == nil {
			t.Errorf("%s: it signed all the same", what)
		}
		must(t, os.WriteFile(filepath.Join(r.dist, "safelight.deb"), []byte("a package\n"), 0o600))
	}
}
