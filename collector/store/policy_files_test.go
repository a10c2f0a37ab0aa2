package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"safelight/collector/model"
)

// publishTable keeps a version made of rules that compile to a table.
func publishTable(t *testing.T, s *Store, serial uint64, table string) {
	t.Helper()
	source := fmt.Sprint("rules ", serial)
	v := model.PolicyVersion{School: school, Epoch: 1, Serial: serial, Issued: noon, By: "dsl", Reason: "because", Lists: map[string]int64{"ut1-adult": int64(serial)}}
	var blobs []model.Blob
	for i, data := range []string{source, table} {
		b := model.Blob{School: school, SHA256: sha256.Sum256([]byte(data)), Data: []byte(data)}
		blobs = append(blobs, b)
		v.Files = append(v.Files, model.PolicyFile{Name: []string{"mine/a.yaml", "names.tbl"}[i], SHA256: b.SHA256, Compiled: i == 1})
	}
	must(t, s.PublishPolicy(t.Context(), v, blobs))
}

func TestOldTablesGoAndSourcesStay(t *testing.T) {
	s := openStore(t)
	for serial, table := range []string{"base", "base", "second", "third", "base"} {
		publishTable(t, s, uint64(serial+1), table)
	}
	for serial := uint64(1); serial <= 5; serial++ {
		files, err := s.PolicyFiles(t.Context(), school, 1, serial)
		must(t, err)
		if len(files) != 2 || files[0].Compiled || !files[1].Compiled {
			t.Fatalf("version %d has files %v", serial, files)
		}
		if data, err := s.Blob(t.Context(), school, files[0].SHA256); err != nil || string(data) != fmt.Sprint("rules ", serial) {
			t.Errorf("the sources of %d are %q, %v", serial, data, err)
		}
	}
	publishTable(t, s, 6, "sixth")
	publishTable(t, s, 7, "seventh")
	for table, kept := range map[string]bool{"base": true, "second": false, "third": false, "sixth": true, "seventh": true} {
		_, err := s.Blob(t.Context(), school, sha256.Sum256([]byte(table)))
		if kept && err != nil || !kept && !errors.Is(err, ErrNotFound) {
			t.Errorf("table %s: %v", table, err)
		}
	}
	lists, err := s.PolicyLists(t.Context(), school, 1, 3)
	must(t, err)
	if !maps.Equal(lists, map[string]int64{"ut1-adult": 3}) {
		t.Errorf("lists %v", lists)
	}
	none, err := s.PolicyFiles(t.Context(), school, 9, 9)
	must(t, err)
	if len(none) != 0 {
		t.Errorf("a version that is not there has files %v", none)
	}
}

// A table of names is 30 MB: removed in one transaction it would keep every device
// waiting.
func TestAnOldTableGoesAPieceAtATime(t *testing.T) {
	s := openStore(t)
	large := strings.Repeat("a table of names", 4*pieceBytes/16)
	publishTable(t, s, 1, large)
	_, err := s.writer.ExecContext(t.Context(), `CREATE TRIGGER stops BEFORE DELETE ON blob_parts WHEN OLD.part = 2 BEGIN SELECT RAISE(ABORT, 'it stops here'); END`)
	if err != nil {
		t.Skip("only SQLite has triggers like this")
	}
	pieces := func() (n int) {
		must(t, s.reader.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM blob_parts`).Scan(&n))
		return n
	}
	for serial := uint64(2); serial <= 3; serial++ {
		publishTable(t, s, serial, fmt.Sprint("table ", serial))
	}
	if n := pieces(); n != 4 {
		t.Fatalf("%d pieces, want 4", n)
	}
	v := model.PolicyVersion{School: school, Epoch: 1, Serial: 4, Issued: noon, By: "dsl", Reason: "because"}
	if err := s.PublishPolicy(t.Context(), v, nil); err == nil || !strings.Contains(err.Error(), "it stops here") {
		t.Fatalf("published: %v", err)
	}
	if n := pieces(); n == 4 || n == 0 {
		t.Errorf("%d pieces are left: want those gone that came before it stopped", n)
	}
	if _, err := s.Blob(t.Context(), school, sha256.Sum256([]byte(large))); !errors.Is(err, ErrNotFound) {
		t.Errorf("half a table is still given out: %v", err)
	}
	_, err = s.writer.ExecContext(t.Context(), `DROP TRIGGER stops`)
	must(t, err)
	publishTable(t, s, 5, "table 5")
	if n := pieces(); n != 0 {
		t.Errorf("%d pieces are left behind", n)
	}
}
