package logging_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"safelight/internal/logging"
)

func TestG11AQuietErrorIsSaidWithoutItsWords(t *testing.T) {
	err := fmt.Errorf("applying overlay 3: %w", logging.Quiet(fmt.Errorf("site %q: %w", "Invented House", fs.ErrExist), "it does not hold what it should"))
	if got := logging.Say(err); got != "it does not hold what it should" {
		t.Errorf("said %q", got)
	}
	if !errors.Is(err, fs.ErrExist) || err.Error() != `applying overlay 3: site "Invented House": file already exists` {
		t.Errorf("whoever may read it reads %q", err)
	}
	if got := logging.Say(fs.ErrExist); got != "file already exists" {
		t.Errorf("said %q of what hides nothing", got)
	}
	if logging.Quiet(nil, "nothing") != nil {
		t.Error("no error became one")
	}
}
