package bpf

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// An object that is older than its source would be loaded without a word.
func TestTheObjectsAreMadeOfTheseSources(t *testing.T) {
	list, err := os.ReadFile("sources.sha256")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		b, err := os.ReadFile(name)
		if err != nil || !ok {
			t.Fatalf("%q: %v", line, err)
		}
		if got := sha256.Sum256(b); hex.EncodeToString(got[:]) != sum {
			t.Errorf("%s has changed since the objects were made; run go generate here", name)
		}
	}
}
