package spool

import (
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// reseal gives a frame the checksum that its bytes want.
func reseal(frame []byte, seed uint32) {
	le.PutUint32(frame[4:], crc32.Update(seed, castagnoli, frame[8:]))
}

// TestAcksInAnyOrder compares the set of spans with a plain map.
func TestAcksInAnyOrder(t *testing.T) {
	const top = 60
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var a ackedSet
		plain := map[uint64]bool{}
		for range 30 {
			from := rng.Uint64N(top) + 1
			s := span{from, min(top, from+rng.Uint64N(6))}
			fresh := uint64(0)
			for i := s.from; i <= s.to; i++ {
				if !plain[i] {
					plain[i] = true
					fresh++
				}
			}
			if got := a.add(s); got != fresh {
				t.Fatalf("seed %d: adding %v: %d new, want %d", seed, s, got, fresh)
			}
			check(t, &a, plain, top)
		}
	}
}

func check(t *testing.T, a *ackedSet, plain map[uint64]bool, top uint64) {
	t.Helper()
	missing := uint64(0)
	for i := uint64(1); i <= top; i++ {
		if a.has(i) != plain[i] {
			t.Fatalf("%+v: has(%d) is %v", a, i, a.has(i))
		}
		if !plain[i] {
			missing++
		}
	}
	if got := a.pending(top + 1); got != missing {
		t.Fatalf("%+v: pending %d, want %d", a, got, missing)
	}
	counted := uint64(0)
	for _, s := range a.missing(span{1, top}) {
		counted += s.len()
	}
	if counted != missing || a.covers(span{1, top}) != (missing == 0) {
		t.Fatalf("%+v: missing %d, want %d", a, counted, missing)
	}
}

func TestRejectedRecordsAreKeptBoundedAndVisible(t *testing.T) {
	s := open(t, t.TempDir(), Options{QuarantineRecords: 3})
	for i := range 5 {
		add(t, s, nil, rec(2, "bad %d", i))
	}
	add(t, s, nil, rec(2, "good"))
	for seq := uint64(1); seq <= 5; seq++ {
		if err := s.Reject(2, seq, "too long", "name"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Reject(2, 5, "again", ""); !errors.Is(err, ErrNotPending) {
		t.Errorf("rejecting twice: %v, want ErrNotPending", err)
	}
	for range 2 {
		want(t, "pending", pending(t, s, 2), "[6:good]")
		want(t, "ever", s.Stats().Quarantined, 5)
		want(t, "kept", s.Stats().Quarantine, 3)
		s = reopen(t, s)
	}
	list, err := os.ReadDir(filepath.Join(s.dir, "quarantine"))
	if err != nil || len(list) != 3 {
		t.Fatalf("files: %v, %v", list, err)
	}
	b, err := os.ReadFile(filepath.Join(s.dir, "quarantine", list[2].Name()))
	want(t, "newest", fmt.Sprint(string(b), err), `{"lane":2,"seq":5,"reason":"too long","field":"name","record":"YmFkIDQ="}<nil>`)
}

func TestQuarantineIsBoundedInBytes(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	for i := range uint64(30) {
		add(t, s, nil, Record{Lane: 1, Data: make([]byte, MaxRecordBytes)})
		if err := s.Reject(1, i+1, "no", ""); err != nil {
			t.Fatal(err)
		}
	}
	if s.quarantine.bytes > quarantineBytes {
		t.Errorf("%d bytes: want at most %d", s.quarantine.bytes, quarantineBytes)
	}
	want(t, "ever", s.Stats().Quarantined, 30)
}

func BenchmarkAppend(b *testing.B) {
	s, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	records := make([]Record, 100)
	for i := range records {
		records[i] = Record{Lane: 2, Data: make([]byte, 300)}
	}
	seqs := make([]uint64, 100)
	next := uint64(1)
	for b.Loop() {
		if err := s.Append(records, at("1")); err != nil {
			b.Fatal(err)
		}
		for i := range seqs {
			seqs[i] = next
			next++
		}
		if err := s.Ack(2, seqs...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*100/b.Elapsed().Seconds(), "records/s")
}
