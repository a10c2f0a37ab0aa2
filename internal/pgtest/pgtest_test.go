package pgtest

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestServerStartsAnswersAndLeavesNothing(t *testing.T) {
	s, err := Start(t.Context())
	if errors.Is(err, ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), "one", ""); err != nil {
		t.Error(err)
	}
	if url, err := s.Create(t.Context(), "two", "one"); err != nil || !strings.HasPrefix(url, "postgres://safelight@/two?host=") {
		t.Errorf("url = %s, %v", url, err)
	}
	if _, err := s.Create(t.Context(), "two", ""); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("a database was made twice: %v", err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("its folder is still there: %v", err)
	}
}
