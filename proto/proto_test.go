// Package proto holds the protocol still: the generated code is what the
// .proto files say, and no change breaks a device that speaks what was released.
// The messages themselves are in proto/safelight/v1.
package proto_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// released is the protocol as devices in the field know it.
const released = "released/v1.binpb"

// buf runs the pinned buf in folder, which is built first if this clone has not
// built it yet.
func buf(t *testing.T, folder string, args ...string) (string, error) {
	t.Helper()
	var why bytes.Buffer
	find := exec.Command("../.ci/tool", "buf")
	find.Stderr = &why
	tool, err := find.Output()
	if err != nil {
		t.Skipf("buf cannot be built here: %v: %s", err, lastLine(why.String()))
	}
	cmd := exec.Command(strings.TrimSpace(string(tool)), args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "BUF_CACHE_DIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

func TestGeneratedCodeIsFresh(t *testing.T) {
	fresh := t.TempDir()
	if out, err := buf(t, ".", "generate", "--path", "safelight", "-o", fresh); err != nil {
		t.Fatalf("generating: %v\n%s", err, out)
	}
	want := generated(t, fresh)
	got := generated(t, ".")
	if len(want) == 0 {
		t.Fatal("nothing was generated")
	}
	for name, text := range want {
		if !bytes.Equal(got[name], text) {
			t.Errorf("%s is not what its .proto says: run make proto", name)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%s is generated from nothing any more: delete it", name)
	}
}

func generated(t *testing.T, root string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, "safelight", "*", "*.pb.go"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			t.Fatal(err)
		}
		files[rel] = text
	}
	return files
}

func TestAReleasedDeviceStillUnderstandsEveryMessage(t *testing.T) {
	if out, err := buf(t, ".", "breaking", ".", "--against", released, "--exclude-imports"); err != nil {
		t.Errorf("the protocol breaks what was released; fields are only ever added:\n%s", out)
	}
}

// The check above passes on anything if it looks at the wrong files.
func TestABreakingChangeIsCaught(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "safelight", "v1", "agent.proto")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	broken := bytes.Replace(text, []byte("uint64 seq = 2;"), []byte("string seq = 2;"), 1)
	if bytes.Equal(broken, text) {
		t.Fatal("agent.proto no longer has the field that this test breaks")
	}
	if err := os.WriteFile(name, broken, 0o600); err != nil {
		t.Fatal(err)
	}
	against, err := filepath.Abs(released)
	if err != nil {
		t.Fatal(err)
	}
	out, err := buf(t, dir, "breaking", ".", "--against", against, "--exclude-imports")
	if err == nil || !strings.Contains(out, `"seq"`) {
		t.Errorf("a changed type was let pass: %v\n%s", err, out)
	}
}

func TestTheProtocolKeepsToItsStyle(t *testing.T) {
	if out, err := buf(t, ".", "lint"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
