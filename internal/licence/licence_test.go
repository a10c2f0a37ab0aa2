package licence

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "LICENSE")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestAWorkUnderAnUnknownLicenceIsRefused(t *testing.T) {
	gpl := write(t, "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n")
	if _, err := Of("example.com/gpl v1.0.0", gpl); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "example.com/gpl") {
		t.Errorf("got %v", err)
	}
	if _, err := Of("example.com/none v1.0.0"); !errors.Is(err, ErrUnknown) {
		t.Errorf("a work without a licence was let pass: %v", err)
	}
}

func TestTheTwoBSDLicencesAreToldApart(t *testing.T) {
	const two = "Redistribution and use in source and\nbinary forms, with or without modification, are permitted\n"
	for text, want := range map[string]string{
		two: "BSD-2-Clause",
		two + "Neither the name of the copyright holder nor the names of its contributors may be used": "BSD-3-Clause",
		two + "Neither name of copyright holders nor the names of its contributors may be used":        "BSD-3-Clause",
		two + "The names of its contributors may not be used to endorse or promote products":           "BSD-3-Clause",
	} {
		w, err := Of("example.com/bsd v1.0.0", write(t, text))
		if err != nil || !slices.Equal(w.Kinds, []string{want}) {
			t.Errorf("%q: %v, %v, want %s", text, w.Kinds, err, want)
		}
	}
}

func TestAModuleOfCapitalsAndUnknownPlaceSaysWhatToDo(t *testing.T) {
	cache := t.TempDir()
	if got, want := ModuleDir(cache, "github.com/Big/x", "v1.0.0-RC1"), filepath.Join(cache, "github.com", "!big", "x@v1.0.0-!r!c1"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := OfModule(cache, "example.com/x", "v1.0.0"); err == nil || !strings.Contains(err.Error(), "go mod download") {
		t.Errorf("got %v", err)
	}
}
