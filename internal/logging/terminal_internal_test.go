package logging

import (
	"bytes"
	"os"
	"testing"
)

func TestATerminalIsToldFromAPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if terminal(w) || terminal(&bytes.Buffer{}) {
		t.Error("a pipe or a buffer was taken for a terminal")
	}
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal to be had here: %v", err)
	}
	defer tty.Close()
	if !terminal(tty) {
		t.Error("a terminal was not recognised")
	}
}
