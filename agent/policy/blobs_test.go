package policy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	safelightv1 "safelight/proto/safelight/v1"
)

func folder(t testing.TB, free uint64) *blobs {
	return &blobs{dir: t.TempDir(), free: func(string) (uint64, error) { return free, nil }}
}

func blobOf(data []byte) *safelightv1.Blob {
	sum := sha256.Sum256(data)
	return &safelightv1.Blob{Name: "names.tbl", Sha256: sum[:], Size: uint64(len(data))}
}

// table is big enough to come in several pieces.
var table = bytes.Repeat([]byte("0123456789abcdef"), 200_000)

// from answers as a collector that has one file, and breaks after so many bytes.
func from(data []byte, breakAfter int, offsets *[]int64) Fetch {
	return func(_ context.Context, _ []byte, offset int64, to io.Writer) error {
		*offsets = append(*offsets, offset)
		rest := data[min(offset, int64(len(data))):]
		if len(rest) > breakAfter {
			_, err := to.Write(rest[:breakAfter])
			return errors.Join(errors.New("the line went dead"), err)
		}
		_, err := to.Write(rest)
		return err
	}
}

func TestAHalfFetchedFileIsTakenUpWhereItBrokeAndNeverUsed(t *testing.T) {
	b, blob := folder(t, 1<<40), blobOf(table)
	var offsets []int64
	for range 3 {
		if err := b.ensure(t.Context(), blob, from(table, 1_000_000, &offsets)); err == nil {
			t.Fatal("half a file was taken")
		}
		if err := b.verify(t.Context(), blob, 0); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("it bears its name: %v", err)
		}
	}
	must(t, b.ensure(t.Context(), blob, from(table, 1_000_000, &offsets)))
	must(t, b.verify(t.Context(), blob, 0))
	if want := []int64{0, 1_000_000, 2_000_000, 3_000_000}; len(offsets) != 4 || offsets[3] != want[3] {
		t.Errorf("it was asked for from %v, want %v", offsets, want)
	}
	if left, err := os.ReadDir(b.dir); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
}

// The half that lay on the disk since yesterday may be spoilt.
func TestAHalfThatTurnsOutWrongIsFetchedAnew(t *testing.T) {
	b, blob := folder(t, 1<<40), blobOf(table)
	must(t, os.WriteFile(b.path(blob.GetSha256())+part, make([]byte, 1000), 0o600))
	var offsets []int64
	must(t, b.ensure(t.Context(), blob, from(table, 1<<30, &offsets)))
	if len(offsets) != 2 || offsets[0] != 1000 || offsets[1] != 0 {
		t.Errorf("it was asked for from %v", offsets)
	}
	must(t, b.verify(t.Context(), blob, 0))
}

func TestAFileThatComesOtherwiseIsNotKept(t *testing.T) {
	for name, data := range map[string][]byte{
		"longer": append(bytes.Clone(table), 'x'), "shorter": table[:1000], "other": bytes.Repeat([]byte("x"), len(table)), "none": nil,
	} {
		b, blob := folder(t, 1<<40), blobOf(table)
		var offsets []int64
		if err := b.ensure(t.Context(), blob, from(data, 1<<30, &offsets)); err == nil {
			t.Errorf("%s: it was taken", name)
		}
		if left, err := os.ReadDir(b.dir); err != nil || len(left) != 0 {
			t.Errorf("%s: the folder holds %v, %v", name, left, err)
		}
	}
}

func TestAPartThatIsWholeIsNotFetched(t *testing.T) {
	b, blob := folder(t, 1<<40), blobOf(table)
	must(t, os.WriteFile(b.path(blob.GetSha256())+part, table, 0o600))
	var offsets []int64
	must(t, b.ensure(t.Context(), blob, from(table, 1<<30, &offsets)))
	if len(offsets) != 0 {
		t.Errorf("it was asked for from %v", offsets)
	}
}

func TestAFullDiskIsSaidBeforeAnythingIsFetched(t *testing.T) {
	blob := blobOf(table)
	for free, fits := range map[uint64]bool{spareBytes: false, spareBytes + uint64(len(table)): true} {
		b := folder(t, free)
		err := b.room([]*safelightv1.Blob{blob})
		if (err == nil) != fits || !fits && !strings.Contains(err.Error(), "free some") {
			t.Errorf("%d bytes free: %v", free, err)
		}
		// Half of it is there already.
		must(t, os.WriteFile(b.path(blob.GetSha256())+part, table[:len(table)/2], 0o600))
		if err := b.room([]*safelightv1.Blob{blob}); (err == nil) != fits {
			t.Errorf("%d bytes free, half of it there: %v", free, err)
		}
		must(t, b.room(nil)) // nothing is to be written
	}
	if free, err := freeSpace(t.TempDir()); err != nil || free == 0 {
		t.Errorf("free space: %d, %v", free, err)
	}
}

func TestADamagedFileOfTheRightLengthIsMissing(t *testing.T) {
	b, blob := folder(t, 1<<40), blobOf(table)
	spoilt := bytes.Clone(table)
	spoilt[len(spoilt)-1] ^= 1
	must(t, os.WriteFile(b.path(blob.GetSha256()), spoilt, 0o600))
	must(t, b.sized(blob))
	lacking, err := b.missing(t.Context(), []*safelightv1.Blob{blob})
	must(t, err)
	if len(lacking) != 1 {
		t.Error("a damaged file counts as there")
	}
	var offsets []int64
	must(t, b.ensure(t.Context(), blob, from(table, 1<<30, &offsets)))
	must(t, b.verify(t.Context(), blob, 0))
}

func TestSweepingLeavesTheHalvesOfWhatIsToCome(t *testing.T) {
	b, coming, gone := folder(t, 0), blobOf([]byte("coming")), blobOf([]byte("gone"))
	for _, path := range []string{b.path(coming.GetSha256()) + part, b.path(gone.GetSha256()) + part, b.path(gone.GetSha256())} {
		must(t, os.WriteFile(path, nil, 0o600))
	}
	keep := map[string]bool{}
	names(keep, []*safelightv1.Blob{coming})
	b.sweep(keep)
	left, err := os.ReadDir(b.dir)
	must(t, err)
	if len(left) != 1 || left[0].Name() != filepath.Base(b.path(coming.GetSha256()))+part {
		t.Errorf("the folder holds %v", left)
	}
}
