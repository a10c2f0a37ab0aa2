package trialschool

import (
	"net"
	"testing"
)

// Two schools that start together once chose the same port, and a test failed that
// was right: nobody listens at a port yet when the next one chooses.
func TestAPortIsGivenToOneAlone(t *testing.T) {
	var here, another portBlocks // as of two processes
	t.Cleanup(func() { end(here.claims); end(another.claims) })
	given := map[string]bool{}
	for range 2 * portsInBlock {
		for _, b := range []*portBlocks{&here, &another} {
			ports, err := b.take(4)
			if err != nil {
				t.Fatal(err)
			}
			if len(ports) != 4 {
				t.Fatalf("%d ports for 4", len(ports))
			}
			for _, p := range ports {
				if given[p] {
					t.Fatalf("port %s is given twice", p)
				}
				given[p] = true
			}
		}
	}
}

func TestAPortInUseIsNotGiven(t *testing.T) {
	var b portBlocks
	t.Cleanup(func() { end(b.claims) })
	if err := b.claim(); err != nil {
		t.Fatal(err)
	}
	used, err := listenAt(b.next)
	if err != nil {
		t.Skipf("SKIPPED: somebody listens at %d already", b.next)
	}
	defer used.Close()
	ports, err := b.take(1)
	if err != nil {
		t.Fatal(err)
	}
	if _, port, _ := net.SplitHostPort(used.Addr().String()); ports[0] == port {
		t.Errorf("port %s is given, where somebody listens", port)
	}
}

func end(claims []net.Listener) {
	for _, l := range claims {
		_ = l.Close()
	}
}
