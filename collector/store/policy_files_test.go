package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
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
