package backup_test

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"safelight/collector/backup"
)

// FuzzRestore restores whatever stream somebody encrypted to the public half,
// which is no secret, and whatever bytes as a file: nothing is written outside
// the folder, and what is refused leaves it empty.
func FuzzRestore(f *testing.F) {
	key, err := age.GenerateX25519Identity()
	must(f, err)
	for _, names := range [][]string{{"collector.yaml", "manifest.json"}, {"../out", "manifest.json"}, {"ca/root.key", "a"}} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, name := range names {
			must(f, w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: 2, Typeflag: tar.TypeReg}))
			_, err := w.Write([]byte("{}"))
			must(f, err)
		}
		must(f, w.Close())
		f.Add(b.Bytes())
	}
	f.Add([]byte("age-encryption.org/v1\n-> X25519 "))
	f.Fuzz(func(t *testing.T, plain []byte) {
		var sealed bytes.Buffer
		w, err := age.Encrypt(&sealed, key.Recipient())
		must(t, err)
		_, err = w.Write(plain)
		must(t, err)
		must(t, w.Close())
		for _, file := range [][]byte{sealed.Bytes(), plain} {
			top := t.TempDir()
			dir := filepath.Join(top, "fresh")
			must(t, os.Mkdir(dir, 0o700))
			_, _, err := backup.Restore(dir, "collector.yaml", key, bytes.NewReader(file), int64(len(file)), func(int64, int64) {})
			inside, rerr := os.ReadDir(dir)
			must(t, rerr)
			if err != nil && len(inside) > 0 {
				t.Errorf("refused (%v), and left %v", err, inside)
			}
			if outside, _ := os.ReadDir(top); len(outside) != 1 {
				t.Errorf("wrote outside: %v", outside)
			}
		}
	})
}
