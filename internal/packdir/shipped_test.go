package packdir

import (
	"testing"

	"safelight/internal/rules"
)

func TestShippedPacksHoldEveryTest(t *testing.T) {
	files, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rules.Compile(files)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range rs.Check() {
		t.Error(p)
	}
}
