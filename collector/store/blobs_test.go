package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"safelight/collector/model"
)

func TestALargeFileComesBackWholeAndGoesWhole(t *testing.T) {
	s := openStore(t)
	large := bytes.Repeat([]byte("0123456789abcdef"), 200_000) // 3.2 MB
	publishTable(t, s, 1, string(large))
	sha := sha256.Sum256(large)
	got, err := s.Blob(t.Context(), school, sha)
	must(t, err)
	if !bytes.Equal(got, large) {
		t.Errorf("%d bytes came back of %d", len(got), len(large))
	}
	parts := func() (n int) {
		must(t, s.reader.QueryRow(`SELECT COUNT(*) FROM blob_parts WHERE school_id = $1`, school).Scan(&n))
		return n
	}
	if parts() != 4 {
		t.Errorf("it lies in %d pieces", parts())
	}
	for serial := uint64(2); serial <= 4; serial++ {
		publishTable(t, s, serial, fmt.Sprint("table ", serial))
	}
	if _, err := s.Blob(t.Context(), school, sha); !errors.Is(err, ErrNotFound) || parts() != 0 {
		t.Errorf("%v, %d pieces are left", err, parts())
	}
	publishTable(t, s, 5, string(large))
	got, err = s.Blob(t.Context(), school, sha)
	must(t, err)
	if !bytes.Equal(got, large) {
		t.Error("it does not come back when it is published again")
	}
}

func TestAnEmptyFileIsNoPieces(t *testing.T) {
	s := openStore(t)
	publishTable(t, s, 1, "")
	if data, err := s.Blob(t.Context(), school, sha256.Sum256(nil)); err != nil || len(data) != 0 {
		t.Errorf("%q, %v", data, err)
	}
}

// What lay there when a publication was cut short is taken up by the next.
func TestPiecesOfAPublicationThatWasCutShortServeTheNext(t *testing.T) {
	s := openStore(t)
	large := bytes.Repeat([]byte("x"), 3<<20)
	b := model.Blob{School: school, SHA256: sha256.Sum256(large), Data: large}
	must(t, s.addPieces(t.Context(), school, b))
	if _, err := s.Blob(t.Context(), school, b.SHA256); !errors.Is(err, ErrNotFound) {
		t.Errorf("half a publication is there: %v", err)
	}
	publishTable(t, s, 1, string(large))
	if got, err := s.Blob(t.Context(), school, b.SHA256); err != nil || !bytes.Equal(got, large) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestAProposalOfALargeFileReadsBack(t *testing.T) {
	s := openStore(t)
	list := bytes.Repeat([]byte("crates.invented.example\n"), 100_000)
	publishTable(t, s, 1, string(list)) // in pieces already
	files := map[string]model.Blob{"mine/blocks.txt": {School: school, SHA256: sha256.Sum256(list), Data: list}}
	p, err := s.AddProposal(t.Context(), model.Proposal{School: school, At: noon, By: "it", Reason: "because"}, files)
	must(t, err)
	got, err := s.ProposalFiles(t.Context(), school, p.ID)
	must(t, err)
	if !bytes.Equal(got["mine/blocks.txt"], list) {
		t.Errorf("%d bytes came back of %d", len(got["mine/blocks.txt"]), len(list))
	}
}
