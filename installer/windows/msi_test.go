package windows

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const version, epoch = "1.2.0", "1795305600"

// tools skips where an .msi cannot be made or read.
func tools(t testing.TB, names ...string) {
	t.Helper()
	for _, tool := range names {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: needs %s (.ci/setup installs it)", tool)
		}
	}
}

// make builds one package around a stand-in program: what is tried here is what
// is put around a program.
func build(dir, which, arch string, more ...string) (string, error) {
	program := filepath.Join(dir, "program.exe")
	if _, err := os.Stat(program); err != nil {
		if err := os.WriteFile(program, standIn(), 0o600); err != nil {
			return "", err
		}
	}
	cmd := exec.Command("./build", which, version, arch, program, filepath.Join(dir, "out"))
	cmd.Env = append(append(os.Environ(), "SOURCE_DATE_EPOCH="+epoch, "CERT="), more...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the %s's package for %s: %w: %s", which, arch, err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// standIn is enough of a Windows program for a signature: headers, and no code.
func standIn() []byte {
	b := make([]byte, 1024)
	copy(b, "MZ")
	b[0x3c] = 0x80
	copy(b[0x80:], "PE\x00\x00\x64\x86\x00\x00")
	b[0x94], b[0x96] = 0xf0, 0x22              // size of the optional header, an executable
	copy(b[0x98:], "\x0b\x02")                 // PE32+
	b[0x98+36] = 2                             // file alignment 512
	b[0x98+37], b[0x98+60+1] = 2, 2            // headers of 512 bytes
	b[0x98+32+1], b[0x98+56+1] = 0x10, 0x10    // section alignment, image size
	b[0x98+108] = 16                           // data directories
	copy(b[512:], "stands in for the program") // a tail
	return b
}

var built = sync.OnceValues(func() (map[string]string, error) {
	dir, err := os.MkdirTemp("", "safelight-msi-")
	all := map[string]string{"": dir}
	for _, which := range []string{"agent", "collector"} {
		for _, arch := range []string{"x64", "arm64"} {
			if err == nil {
				all[which+" "+arch], err = build(dir, which, arch)
			}
		}
	}
	return all, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if _, err := exec.LookPath("wixl"); err == nil {
		all, _ := built()
		_ = os.RemoveAll(all[""])
	}
	os.Exit(code)
}

// each runs a test on every package.
func each(t *testing.T, do func(t *testing.T, which, path string)) {
	tools(t, "wixl", "msibuild", "msiinfo", "faketime")
	all, err := built()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"agent x64", "agent arm64", "collector x64", "collector arm64"} {
		t.Run(name, func(t *testing.T) { do(t, strings.Fields(name)[0], all[name]) })
	}
}

// table is the rows of a table, each by its columns' names; none where there is no
// such table.
func table(t testing.TB, path, name string) []map[string]string {
	t.Helper()
	if !slices.Contains(strings.Fields(msiinfo(t, "tables", path)), name) {
		return nil
	}
	lines := strings.Split(strings.ReplaceAll(msiinfo(t, "export", path, name), "\r\n", "\n"), "\n")
	columns := strings.Split(lines[0], "\t")
	var rows []map[string]string
	for _, line := range lines[3:] {
		if line == "" {
			continue
		}
		row := map[string]string{}
		for i, cell := range strings.Split(line, "\t") {
			row[columns[i]] = cell
		}
		rows = append(rows, row)
	}
	return rows
}

// by is a table as one column by another.
func by(t testing.TB, path, name, key, value string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, row := range table(t, path, name) {
		all[row[key]] = row[value]
	}
	return all
}

func msiinfo(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command("msiinfo", args...).Output()
	if err != nil {
		t.Fatalf("msiinfo %v: %v", args, err)
	}
	return string(out)
}
