package selfcheck

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var monday = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func openNetworks(t *testing.T, file string) *Networks {
	t.Helper()
	n, err := OpenNetworks(file)
	must(t, err)
	return n
}

func network(n byte) []netip.Prefix {
	return []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, 113, n}), 28)}
}

func TestANetworkIsNewOnceTheDeviceKnowsTheSite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "networks.json")
	n := openNetworks(t, file)
	must(t, n.At("main", network(0), monday))
	must(t, n.At("main", network(16), monday.Add(learning-time.Hour)))
	if got := n.Fresh(); len(got) != 0 {
		t.Errorf("while it got to know the site: %q", got)
	}
	n = openNetworks(t, file) // restarted
	later := monday.Add(learning)
	must(t, n.At("main", network(0), later))
	must(t, n.At("main", network(16), later))
	must(t, n.At("manor", network(32), later)) // a site it comes to first
	if got := n.Fresh(); len(got) != 0 {
		t.Errorf("of what it has met: %q", got)
	}
	must(t, n.At("main", network(32), later)) // another site's is not this one's
	must(t, n.At("main", network(48), later))
	n = openNetworks(t, file)
	if got := n.Fresh(); !slices.Equal(got, []string{"main"}) {
		t.Fatalf("after a restart %q, want main, once", got)
	}
	must(t, n.Told(n.Fresh()))
	n = openNetworks(t, file)
	must(t, n.At("main", network(48), later))
	if got := n.Fresh(); len(got) != 0 {
		t.Errorf("told already: %q", got)
	}
}

func TestG11WhatIsRememberedOfNetworksNobodyCanRead(t *testing.T) {
	dir := t.TempDir()
	var texts []string
	for _, name := range []string{"one", "other"} {
		n := openNetworks(t, filepath.Join(dir, name))
		must(t, n.At("main", network(16), monday))
		must(t, n.At("", network(32), monday)) // nowhere
		must(t, n.At("main", nil, monday))
		if len(n.met.Sites) != 1 || len(n.met.Sites["main"].Met) != 1 {
			t.Fatalf("it remembers %+v", n.met.Sites)
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if strings.Contains(string(text), "203.0.113") || info.Mode().Perm() != 0o600 {
			t.Errorf("%s, %s", info.Mode(), text)
		}
		texts = append(texts, n.met.Sites["main"].Met[0])
	}
	if texts[0] == texts[1] {
		t.Error("two devices remember a network alike: who has both files sees where they met")
	}
}

func TestNetworksThatCannotBeReadAreLearntAnew(t *testing.T) {
	for name, text := range map[string]string{"torn": `{"key":"AA`, "of no key": `{"sites":null}`, "empty": `{}`} {
		file := filepath.Join(t.TempDir(), "networks.json")
		must(t, os.WriteFile(file, []byte(text), 0o600))
		n, err := OpenNetworks(file)
		if (err != nil) != (name == "torn") {
			t.Errorf("%s: %v", name, err)
		}
		must(t, n.At("main", network(0), monday))
		must(t, n.At("main", network(16), monday.Add(-time.Hour))) // a clock put back learns on
		if got := openNetworks(t, file); len(got.met.Sites["main"].Met) != 2 || len(got.Fresh()) != 0 || !got.met.Sites["main"].Since.Before(monday) {
			t.Errorf("%s: %+v", name, got.met)
		}
	}
}

func TestNetworksAreBounded(t *testing.T) {
	n := openNetworks(t, filepath.Join(t.TempDir(), "networks.json"))
	var many []netip.Prefix
	for i := range 2 * maxMet {
		many = append(many, netip.PrefixFrom(netip.AddrFrom4([4]byte{203, byte(i >> 8), byte(i), 0}), 24))
	}
	must(t, n.At("main", many, monday))
	for i := range 2 * maxSites {
		must(t, n.At(strings.Repeat("x", i+1), network(0), monday))
	}
	if len(n.met.Sites["main"].Met) != maxMet || len(n.met.Sites) != maxSites {
		t.Errorf("%d networks, %d sites", len(n.met.Sites["main"].Met), len(n.met.Sites))
	}
}
