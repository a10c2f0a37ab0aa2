package network

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
)

func TestAConnectionOfThisProgramIsListed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	all, err := (&resolver{}).connections()
	if err != nil {
		t.Fatal(err)
	}
	to := netip.MustParseAddrPort(l.Addr().String())
	i := slices.IndexFunc(all, func(one connection) bool { return one.remote == to })
	if i < 0 {
		t.Fatalf("not among %d", len(all))
	}
	if local := netip.MustParseAddrPort(c.LocalAddr().String()); all[i].local != local.Port() {
		t.Errorf("listed as %+v, want port %d", all[i], local.Port())
	}
	if all[i].pid != os.Getpid() {
		t.Logf("listed as process %d, this is %d", all[i].pid, os.Getpid()) // Wine tells none
	}
}
