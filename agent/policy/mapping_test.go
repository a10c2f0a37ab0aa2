package policy

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "table")
	must(t, os.WriteFile(path, data, 0o600))
	return path
}

func TestAMappedFileIsTheFile(t *testing.T) {
	for _, data := range [][]byte{{}, []byte("x"), bytes.Repeat([]byte("0123456789"), 100_000)} {
		m, err := mapFile(write(t, data), int64(len(data)))
		must(t, err)
		if !bytes.Equal(m.data, data) {
			t.Errorf("%d bytes read as %d others", len(data), len(m.data))
		}
		must(t, m.close())
	}
}

func TestAFileOfAnotherLengthIsNotMapped(t *testing.T) {
	path := write(t, []byte("four"))
	for _, bring := range []mapper{mapFile, readWhole, orRead(mapFile)} {
		if _, err := bring(path, 5); err == nil || !strings.Contains(err.Error(), "4 bytes long") {
			t.Errorf("got %v", err)
		}
		if _, err := bring(path+".none", 4); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("no file: %v", err)
		}
	}
}

func TestWhatCannotBeMappedIsRead(t *testing.T) {
	none := func(string, int64) (mapping, error) { return mapping{}, errors.ErrUnsupported }
	m, err := orRead(none)(write(t, []byte("four")), 4)
	must(t, err)
	if string(m.data) != "four" {
		t.Errorf("got %q", m.data)
	}
	must(t, m.close())
}
