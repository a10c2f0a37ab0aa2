package linux

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
)

// entry is a file in a package, as far as both formats know it.
type entry struct {
	mode         int64 // permission bits, with setuid, setgid and sticky
	owner, group string
	dir          bool
	data         []byte // of a .deb only
}

// readDeb reads a .deb (deb(5): an ar archive of two compressed tars) without
// dpkg. Paths are as on the system they are installed on.
func readDeb(t testing.TB, pkg []byte) (control, content map[string]entry) {
	t.Helper()
	const magic, header = "!<arch>\n", 60
	if !bytes.HasPrefix(pkg, []byte(magic)) {
		t.Fatal("it is no ar archive")
	}
	members := map[string][]byte{}
	for rest := pkg[len(magic):]; len(rest) >= header; {
		size, err := strconv.Atoi(strings.TrimSpace(string(rest[48:58])))
		if err != nil || size > len(rest)-header {
			t.Fatalf("a member's size: %v", err)
		}
		name := strings.TrimRight(string(rest[:16]), " /")
		members[name] = rest[header : header+size]
		rest = rest[min(len(rest), header+size+size%2):]
	}
	return readTar(t, members["control.tar.gz"]), readTar(t, members["data.tar.gz"])
}

func readTar(t testing.TB, packed []byte) map[string]entry {
	t.Helper()
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]entry{}
	for in := tar.NewReader(unpacked); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		path := "/" + strings.Trim(strings.TrimPrefix(h.Name, "."), "/")
		all[path] = entry{mode: h.Mode & 0o7777, owner: h.Uname, group: h.Gname, dir: h.Typeflag == tar.TypeDir, data: data}
	}
}

// The licences of what is linked bind whoever passes the package on.
func TestEveryDebHoldsTheWholeNotice(t *testing.T) {
	notice, err := os.ReadFile("../../NOTICE")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range packages(t, once(), ".deb") {
		pkg, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, content := readDeb(t, pkg)
		packed := content["/usr/share/doc/safelight-"+programOf(path)+"/NOTICE.gz"].data
		unpacked, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(unpacked); err != nil || !bytes.Equal(got, notice) {
			t.Errorf("%s: its NOTICE is not the tree's: %d bytes of %d, %v", path, len(got), len(notice), err)
		}
	}
}
