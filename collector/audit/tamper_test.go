package audit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"safelight/collector/audit"
	"safelight/collector/model"
)

func TestARecordLeftAloneIsWhole(t *testing.T) {
	h := newHouse(t)
	h.whole() // an empty one too
	h.look(20)
	h.stop()
	h.start()
	h.look(5)
	if r := h.whole(h.kept()); r.Records != 25 || r.Erased != 0 || len(r.Newest) == 0 || !r.Signed.Equal(noon) {
		t.Errorf("report %+v", r)
	}
}

func TestAnEditedRecordIsFound(t *testing.T) {
	h := newHouse(t)
	h.look(20)
	h.edit(`UPDATE audit_records SET record = CAST(replace(CAST(record AS TEXT), 'user:dsl', 'user:it!') AS BLOB) WHERE idx = 7`)
	h.broken("record 7 does not match its leaf", "edited")
}

func TestARecordEditedWithItsLeafIsFound(t *testing.T) {
	h := newHouse(t)
	h.look(20)
	// A salt of one's own makes any leaf; the leaf of another record is one.
	h.edit(`UPDATE audit_records SET (salt, record, ref) = (SELECT salt, record, ref FROM audit_records WHERE idx = 8) WHERE idx = 7`,
		`UPDATE audit_leaves SET leaf = (SELECT leaf FROM audit_leaves WHERE idx = 8) WHERE idx = 7`)
	h.broken("hash", "record 7")
	h.edit(`UPDATE audit_hashes SET hash = (SELECT hash FROM audit_hashes WHERE idx = 15) WHERE idx = 10`)
	h.broken() // the hashes above it, and then every checkpoint over it
}

func TestARemovedRowIsFound(t *testing.T) {
	for table, says := range map[string]string{
		"audit_records": "record 7 is missing", "audit_leaves": "the leaf of record 7 is missing", "audit_hashes": "hash 7 of the tree",
	} {
		t.Run(table, func(t *testing.T) {
			h := newHouse(t)
			h.look(20)
			h.edit(`DELETE FROM ` + table + ` WHERE idx = 7`)
			h.broken(says)
		})
	}
}

func TestTwoSwappedRecordsAreFound(t *testing.T) {
	swap := func(table string) []string {
		return []string{
			`UPDATE ` + table + ` SET idx = -1 WHERE idx = 7`, `UPDATE ` + table + ` SET idx = 7 WHERE idx = 8`, `UPDATE ` + table + ` SET idx = 8 WHERE idx = -1`,
		}
	}
	h := newHouse(t)
	h.look(20)
	h.edit(swap("audit_records")...)
	h.broken("record 7 does not match its leaf", "in the place of another")
	h.edit(swap("audit_leaves")...) // now each matches
	h.broken("hash 11 of the tree", "record 7")
}

func TestAReorderedRecordWithAWholeNewTreeIsFoundByItsCheckpoints(t *testing.T) {
	h, forged := newHouse(t), newHouse(t)
	h.look(20)
	forged.look(20) // the same looks under other salts: another history, whole in itself
	forged.stop()
	h.edit(`ATTACH DATABASE '`+forged.path+`' AS forged`,
		`UPDATE audit_records SET (salt, record) = (SELECT salt, record FROM forged.audit_records f WHERE f.idx = audit_records.idx)`,
		`UPDATE audit_leaves SET leaf = (SELECT leaf FROM forged.audit_leaves f WHERE f.idx = audit_leaves.idx)`,
		`UPDATE audit_hashes SET hash = (SELECT hash FROM forged.audit_hashes f WHERE f.idx = audit_hashes.idx)`,
		`DETACH DATABASE forged`)
	h.broken("over 1 records has another root", "before record 1 was changed")
}

func TestACheckpointForgedWithAnotherKeyIsFound(t *testing.T) {
	h, forged := newHouse(t), newHouse(t)
	h.look(3)
	forged.look(3)
	forged.stop()
	// A whole history by another key, put in the place of the first.
	h.stop()
	forged.copyTo(h.path)
	for _, side := range []string{"-wal", "-shm"} {
		_ = os.Remove(h.path + side)
	}
	h.start()
	h.broken("checkpoint over 1 records", "not signed with this record's key", "forged")
}

func TestAnAlteredCheckpointIsFound(t *testing.T) {
	h := newHouse(t)
	h.look(5)
	h.edit(`UPDATE audit_checkpoints SET root = (SELECT root FROM audit_checkpoints WHERE size = 2) WHERE size = 3`)
	h.broken("checkpoint over 3 records is not what was signed")
	h.edit(`DELETE FROM audit_checkpoints WHERE size >= 3`)
	h.broken("records 2 to 4 bear no signature")
}

var cutTail = []string{
	`DELETE FROM audit_records WHERE idx >= 15`, `DELETE FROM audit_leaves WHERE idx >= 15`,
	`DELETE FROM audit_hashes WHERE idx >= 26`, // what 15 leaves have
}

func TestACutTailIsFound(t *testing.T) {
	h := newHouse(t)
	h.look(20)
	kept := h.kept()
	h.edit(cutTail...)
	h.broken("signed over 20 records and there are 15", "tail was cut")
	// Cut with its checkpoints nothing here knows of it; whoever kept one does.
	h.edit(`DELETE FROM audit_checkpoints WHERE size > 15`)
	h.whole()
	r := h.verify(kept)
	if len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "the weekly report") || !strings.Contains(r.Problems[0], "over 20 records and the record has 15") {
		t.Errorf("problems %q", r.Problems)
	}
	// And so it is when the record has grown past it again.
	h.look(10)
	if r := h.verify(kept); len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "another root") {
		t.Errorf("problems after growing: %q", r.Problems)
	}
}

func TestYesterdaysCopyIsFoundByWhatDevicesHold(t *testing.T) {
	h := newHouse(t)
	h.look(10)
	h.stop()
	yesterday := filepath.Join(t.TempDir(), "yesterday.db")
	h.copyTo(yesterday)
	h.start()
	h.look(5)
	held := h.kept().Note
	if !h.Held(t.Context(), school, "laptop", held) {
		t.Fatal("a device that holds the newest checkpoint is said to disagree")
	}
	h.stop()
	data, err := os.ReadFile(yesterday)
	must(t, err)
	must(t, os.WriteFile(h.path, data, 0o600))
	h.start()
	h.whole()
	for range 2 { // it says so on every stream, and is noted once
		if h.Held(t.Context(), school, "laptop", held) {
			t.Error("an older database agrees with what a device holds")
		}
	}
	h.broken("held by device laptop", "over 15 records and the record has 10", "older database")
	health, err := h.store.Health(t.Context(), school, noon)
	must(t, err)
	if len(health) != 1 || health[0].Topic != audit.TopicOlder || health[0].Device != "laptop" || !strings.Contains(health[0].Detail, "older database") {
		t.Errorf("health %+v", health)
	}
	h.look(20)
	h.broken("held by device laptop", "another root")
}

func TestALyingDeviceIsNoEvidence(t *testing.T) {
	h, other := newHouse(t), newHouse(t)
	h.look(3)
	other.look(30)
	for _, lie := range [][]byte{other.kept().Note, []byte("nonsense"), []byte(strings.Repeat("x", 5000)), {}} {
		if h.Held(t.Context(), school, "laptop", lie) {
			t.Errorf("%.20q agrees with the record", lie)
		}
	}
	h.whole()
	health, err := h.store.Health(t.Context(), school, noon)
	if must(t, err); len(health) != 4 || health[0].Topic != audit.TopicForeign {
		t.Errorf("health %+v", health)
	}
	if r := h.verify(other.kept()); len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "not signed with this record's key") {
		t.Errorf("a foreign checkpoint given by hand: %q", r.Problems)
	}
	if !h.Held(t.Context(), "elsewhere", "laptop", []byte("nonsense")) {
		t.Error("another school's device is compared with this record")
	}
}

func TestAnErasedRecordIsGoneAndItsLeafIntact(t *testing.T) {
	h := newHouse(t)
	h.look(10)
	kept := h.kept()
	by := model.Actor{Who: model.UserActor("dsl"), Via: "192.0.2.7", Reason: "names a pupil"}
	must(t, h.Erase(t.Context(), 4, by))
	if r := h.whole(kept); r.Records != 11 || r.Erased != 1 {
		t.Errorf("report %+v", r)
	}
	rows, err := h.Rows(t.Context(), 0, 100)
	must(t, err)
	if e := rows[4]; len(e.Record) > 0 || len(e.Salt) > 0 || e.Ref != "" || e.Erased != "names a pupil" || len(e.Leaf) != 32 {
		t.Errorf("the erased row is %+v", e)
	}
	last := rows[10].Says
	if last.What != "audit.erase" || last.Ref != "record:4" || last.Reason != "names a pupil" || last.Actor != "user:dsl" {
		t.Errorf("the erasing's record is %+v", last)
	}
	if looks, err := h.AccessesOf(t.Context(), school, "REF00004"); err != nil || len(looks) != 0 {
		t.Errorf("looks %v, %v", looks, err)
	}
	for what, err := range map[string]error{
		"already": h.Erase(t.Context(), 4, by), "stays": h.Erase(t.Context(), 10, by), "not found": h.Erase(t.Context(), 99, by),
		"reason": h.Erase(t.Context(), 5, model.Actor{Who: "user:dsl"}),
	} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("error %v, want one that says %q", err, what)
		}
	}
	if h.size() != 11 {
		t.Error("a refused erasing was recorded")
	}
}

func TestARecordTakenOutByHandIsFoundThoughItLooksErased(t *testing.T) {
	h := newHouse(t)
	h.look(10)
	h.edit(`UPDATE audit_records SET salt = x'', record = x'', ref = '', erased_reason = 'spring clean' WHERE idx = 4`)
	h.broken("record 4 was erased and no erasing is on record")
}

func TestARecordFiledElsewhereIsFound(t *testing.T) {
	h := newHouse(t)
	h.look(10)
	h.edit(`UPDATE audit_records SET ref = 'alert:OTHER' WHERE idx = 4`) // its reader would not be listed
	h.broken("record 4 is filed under another reference")
}
