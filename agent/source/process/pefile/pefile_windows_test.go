package pefile

import (
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"
)

// What Windows itself reads of its own libraries' version resources is what is
// read here.
func TestWindowsReadsTheSame(t *testing.T) {
	dir, err := windows.GetSystemDirectory()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.dll"))
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for _, path := range files[:min(len(files), 400)] {
		f, err := os.Open(path)
		if err != nil {
			continue // not for this account
		}
		got, err := ReadVersion(f)
		_ = f.Close()
		if err != nil {
			continue
		}
		want, ok := windowsProduct(path)
		if !ok {
			continue
		}
		if same++; got.Product != want {
			t.Errorf("%s: read product %q, Windows reads %q", filepath.Base(path), got.Product, want)
		}
	}
	if same < 50 {
		t.Errorf("%d files were compared, want 50", same)
	}
}

// windowsProduct asks Windows for the product in the first language. Its reading
// of the original name is that of a file beside, in the language of the system.
func windowsProduct(path string) (string, bool) {
	var zero windows.Handle
	size, err := windows.GetFileVersionInfoSize(path, &zero)
	if err != nil || size == 0 {
		return "", false
	}
	b := make([]byte, size)
	if err := windows.GetFileVersionInfo(path, 0, size, unsafe.Pointer(&b[0])); err != nil {
		return "", false
	}
	var p *uint16
	var n uint32
	for _, language := range []string{"040904B0", "040904E4", "000004B0"} {
		if windows.VerQueryValue(unsafe.Pointer(&b[0]), `\StringFileInfo\`+language+`\ProductName`, unsafe.Pointer(&p), &n) == nil && n > 0 {
			return clean(windows.UTF16PtrToString(p)), true
		}
	}
	return "", false
}
