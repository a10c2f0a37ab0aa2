package pkg

import (
	"bytes"
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var made = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// stage is a tree such as the agent's.
func stage(t testing.TB) (root, scripts string) {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string, mode os.FileMode) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	put("root/Library/Application Support/Safelight/bin/safelight-agent", strings.Repeat("a program\n", 20000), 0o700)
	put("root/Library/Application Support/Safelight/NOTICE", "notices\n", 0o600)
	put("root/Library/Application Support/Safelight/empty", "", 0o600)
	put("root/Library/LaunchDaemons/safelight-agent.plist", "<plist/>\n", 0o600)
	put("root/Applications/About & <more> \u00e9.app/Contents/MacOS/about", "#!/bin/sh\n", 0o700)
	put("scripts/preinstall", "#!/bin/sh\nexit 0\n", 0o700)
	put("scripts/postinstall", "#!/bin/sh\nexit 0\n", 0o700)
	return filepath.Join(dir, "root"), filepath.Join(dir, "scripts")
}

func build(t testing.TB) (Package, []byte) {
	t.Helper()
	root, scripts := stage(t)
	content, err := ReadTree(root)
	if err != nil {
		t.Fatal(err)
	}
	extra, err := ReadTree(scripts)
	if err != nil {
		t.Fatal(err)
	}
	p := Package{Identifier: "safelight-agent.pkg", Version: "1.2.0+5.gabc1234", Content: content, Scripts: extra, Made: made}
	b, err := p.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return p, b
}

// bsdtar runs libarchive's tar, which reads xar and cpio and is nobody's of ours.
func bsdtar(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("bsdtar", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("bsdtar %v: %v: %s", args, err, out)
	}
	return string(out)
}

func needBsdtar(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("bsdtar"); err != nil {
		t.Skip("SKIPPED: needs bsdtar (.ci/setup installs libarchive-tools)")
	}
}

func TestAnotherReaderFindsEveryFileWithTheSameBytes(t *testing.T) {
	needBsdtar(t)
	p, b := build(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.pkg"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(bsdtar(t, dir, "-tf", "x.pkg")); strings.Join(got, " ") != "PackageInfo Bom Payload Scripts" {
		t.Errorf("the package holds %v", got)
	}
	bsdtar(t, dir, "-xf", "x.pkg") // checks the sums of the archive
	for archive, files := range map[string][]File{"Payload": p.Content, "Scripts": p.Scripts} {
		to := filepath.Join(dir, "x-"+archive)
		if err := os.Mkdir(to, 0o700); err != nil {
			t.Fatal(err)
		}
		bsdtar(t, dir, "-xf", archive, "-C", to)
		found := 0
		for _, f := range files {
			at := filepath.Join(to, f.Path)
			info, err := os.Stat(at)
			switch {
			case err != nil:
				t.Errorf("%s: %v", archive, err)
			case info.IsDir() != f.Dir || !f.Dir && uint32(info.Mode().Perm()) != f.Mode:
				t.Errorf("%s: %s is %v", archive, f.Path, info.Mode())
			case !f.Dir:
				data, err := os.ReadFile(at)
				if err != nil || sha256.Sum256(data) != sha256.Sum256(f.Data) {
					t.Errorf("%s: %s has other bytes: %v", archive, f.Path, err)
				}
				found++
			}
		}
		if found < 2 {
			t.Errorf("%s: %d files", archive, found)
		}
		list := bsdtar(t, dir, "--numeric-owner", "-tvf", archive)
		if n := strings.Count(list, "\n"); n != len(files) {
			t.Errorf("%s: %d entries, want %d:\n%s", archive, n, len(files), list)
		}
		for line := range strings.Lines(list) {
			if f := strings.Fields(line); f[2] != "0" || f[3] != "0" && f[3] != "80" || !strings.Contains(line, "Nov 22") {
				t.Errorf("%s: %s", archive, line)
			}
		}
	}
}

// /Applications belongs to the administrators' group, which may write to it: a
// package that says otherwise may take that away.
func TestTheSystemsOwnFoldersStayAsTheyAre(t *testing.T) {
	p, b := build(t)
	if !bytes.Contains(info(t, p), []byte(`overwrite-permissions="false"`)) {
		t.Error("permissions of folders that are there are overwritten")
	}
	bill := billIn(t, p)
	for path, want := range map[string]listed{
		".":                             {mode: 0o40755},
		"./Applications":                {mode: 0o40775, gid: 80},
		"./Library":                     {mode: 0o40755},
		"./Library/Application Support": {mode: 0o40755, gid: 80},
		"./Library/LaunchDaemons":       {mode: 0o40755},
		"./Library/Application Support/Safelight": {mode: 0o40755},
	} {
		if got := bill[path]; got.mode != want.mode || got.gid != want.gid || got.uid != 0 {
			t.Errorf("%s: %+v", path, got)
		}
	}
	if len(b) == 0 {
		t.Error("nothing was written")
	}
}

func info(t testing.TB, p Package) []byte {
	t.Helper()
	b, err := p.info()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func billIn(t testing.TB, p Package) map[string]listed {
	t.Helper()
	bill, err := readBill(billOf(p.Content, made.Unix()))
	if err != nil {
		t.Fatal(err)
	}
	return bill
}

func TestTheBillOfMaterialsNamesWhatThePayloadHolds(t *testing.T) {
	p, _ := build(t)
	bill := billIn(t, p)
	if len(bill) != len(p.Content) {
		t.Errorf("%d paths, want %d", len(bill), len(p.Content))
	}
	for _, f := range p.Content {
		got, there := bill[f.Path]
		want := listed{kindFile, uint16(f.mode()), 0, f.GID, uint32(made.Unix()), uint32(len(f.Data)), cksum(t, f.Data)}
		if f.Dir {
			want.kind, want.sum = kindFolder, 0
		}
		if !there || got != want {
			t.Errorf("%s: %+v, want %+v", f.Path, got, want)
		}
	}
}

// cksum asks the system's own program.
func cksum(t testing.TB, data []byte) uint32 {
	t.Helper()
	path, err := exec.LookPath("cksum")
	if err != nil {
		t.Skip("SKIPPED: needs cksum")
	}
	cmd := exec.Command(path)
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var sum uint32
	for _, c := range strings.Fields(string(out))[0] {
		sum = sum*10 + uint32(c-'0')
	}
	return sum
}

// The reader of the tests must see what is wrong, or it proves nothing.
func TestABillThatIsDamagedIsNotRead(t *testing.T) {
	p, _ := build(t)
	whole := billOf(p.Content, made.Unix())
	for what, damage := range map[string]func(b []byte){
		"another head":         func(b []byte) { b[0] = 'X' },
		"one block more":       func(b []byte) { b[15]++ },
		"the index elsewhere":  func(b []byte) { b[17]++ },
		"no names":             func(b []byte) { b[25]++ },
		"an entry of no block": func(b []byte) { copy(b[bytes.Index(b, []byte{0, 1, 0, byte(len(p.Content)), 0, 0})+12:], "\xff\xff") },
	} {
		b := bytes.Clone(whole)
		damage(b)
		if _, err := readBill(b); err == nil {
			t.Errorf("%s: read all the same", what)
		}
	}
}

func TestTwoPackagesOfTheSameAreTheSame(t *testing.T) {
	p, first := build(t)
	_, second := build(t) // in another folder
	if !bytes.Equal(first, second) {
		t.Error("they differ")
	}
	p.Made = made.Add(time.Second)
	if later, err := p.Bytes(); err != nil || bytes.Equal(first, later) {
		t.Errorf("a second later they are the same: this test sees nothing (%v)", err)
	}
}

func TestWhatCannotBePackedIsRefused(t *testing.T) {
	root, scripts := stage(t)
	good, err := ReadTree(scripts)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadTree(root); err == nil || !strings.Contains(err.Error(), "neither") {
		t.Errorf("a link: %v", err)
	}
	if _, err := ReadTree(filepath.Join(root, "nowhere")); err == nil {
		t.Error("a folder that is not there was read")
	}
	many := []File{{Path: ".", Dir: true}}
	for i := range maxPaths {
		many = append(many, File{Path: "./" + strings.Repeat("x", i+1)})
	}
	for what, p := range map[string]Package{
		"too many":                 {Identifier: "a.b", Version: "1", Content: many, Scripts: good},
		"no folder":                {Identifier: "a.b", Version: "1", Content: []File{{Path: "./a"}}, Scripts: good},
		"a file before its folder": {Identifier: "a.b", Version: "1", Content: []File{{Path: ".", Dir: true}, {Path: "./a/b"}}, Scripts: good},
		"no version":               {Identifier: "a.b", Content: good, Scripts: good},
		"an identifier with \"":    {Identifier: `a."b`, Version: "1", Content: good, Scripts: good},
		"nothing":                  {Identifier: "a.b", Version: "1", Scripts: good},
	} {
		if _, err := p.Bytes(); err == nil {
			t.Errorf("%s: packed all the same", what)
		}
	}
}
