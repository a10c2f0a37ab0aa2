package lists

import (
	"context"
	"errors"
	"testing"

	"safelight/collector/model"
	"safelight/internal/event"
)

// Lists in packs' own files are kept with the rules; the same is asked of them
// before anybody is told.
func TestANameThatAPacksOwnFileDoesNotHoldIsToldToNobody(t *testing.T) {
	d := openDesk(t)
	broken := errors.New("the store is away")
	d.InFile = func(_ context.Context, id, host string) (holds, known bool, err error) {
		if host == "away.example" {
			return false, false, broken
		}
		return host == "crates.example", id == "our-blocks", nil
	}
	for name, c := range map[string]struct {
		list, host string
		unlisted   bool
	}{
		"it stands there":          {"our-blocks", "crates.example", false},
		"it does not":              {"our-blocks", "innocent.example", true},
		"a list that nobody knows": {"gone", "innocent.example", false},
		"nobody can be asked":      {"our-blocks", "away.example", false},
	} {
		e := &model.Event{Kind: event.Domain, Name: c.host, Rule: "gambling/list/" + c.list}
		if got := d.Unlisted(t.Context(), e); got != c.unlisted {
			t.Errorf("%s: taken for a mistake: %v", name, got)
		}
	}
}
