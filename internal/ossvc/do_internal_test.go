package ossvc

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/kardianos/service"
)

func TestEachVerbDoesWhatItsWordSays(t *testing.T) {
	for _, verb := range Verbs {
		f := &fakeManager{status: service.StatusStopped, verbs: map[string]func() error{
			"install": ok, "uninstall": ok, "start": ok, "stop": ok, "restart": ok,
		}}
		want := []string{verb}
		switch verb {
		case "install":
			f.err = service.ErrNotInstalled
		case "status":
			want = nil
		}
		said, err := served(f, true).Do(verb)
		if err != nil || !slices.Equal(f.called, want) {
			t.Errorf("%s: asked the manager for %v, %v", verb, f.called, err)
		}
		if !strings.HasPrefix(said, "safelight-agent") {
			t.Errorf("%s said %q", verb, said)
		}
	}
}

func TestAnUnknownVerbNamesTheKnownOnes(t *testing.T) {
	if _, err := served(&fakeManager{}, true).Do("frobnicate"); err == nil || !strings.Contains(err.Error(), "install uninstall") {
		t.Errorf("got %v", err)
	}
	if err := Verb(io.Discard, "status", []string{"now"}, Config{Name: "safelight-no-such-service"}); err == nil || !strings.Contains(err.Error(), `"now"`) {
		t.Errorf("got %v", err)
	}
}
