package process

import (
	"os"
	"testing"
)

func TestANameInBracketsMayHoldAnything(t *testing.T) {
	for _, c := range []struct {
		line    string
		parent  int32
		created int64
		ok      bool
	}{
		{"4242 (sh) S 4100 4242 4100 34816 4242 4194304 1 0 0 0 0 0 0 0 20 0 1 0 911722 1 2", 4100, 911722, true},
		{"7 (a) S 1 (b) Z 9 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 5 6", 9, 5, true},
		{"7 (a", 0, 0, false},
		{"7 (a) S 1", 0, 0, false},
		{"7 (a) S x 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 5", 0, 0, false},
		{"", 0, 0, false},
	} {
		parent, created, ok := parseStat([]byte(c.line))
		if ok != c.ok || ok && (parent != c.parent || created != c.created) {
			t.Errorf("%q: got %d, %d, %v", c.line, parent, created, ok)
		}
	}
}

func TestThisProcessIsAmongThoseListed(t *testing.T) {
	s := newSystem()
	pids, err := s.pids(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	self, _ := os.Executable()
	for _, pid := range pids {
		if int(pid) != os.Getpid() {
			continue
		}
		if id, ok := s.identity(t.Context(), pid); !ok || id.exe != self || id.created == 0 {
			t.Errorf("got %+v, %v; want %s", id, ok, self)
		}
		return
	}
	t.Error("it is not")
}
