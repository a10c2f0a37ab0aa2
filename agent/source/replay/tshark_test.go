package replay

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// knownBetter are names that are right and that tshark does not print: TLS
// within CONNECT, and HTTP/2, whose authority it keeps under another heading.
var knownBetter = []string{"tls curlproxied.lab.example", "http curlh2c.lab.example"}

// TestNamesAgreeWithTshark holds this decoder against another that shares
// nothing with it, over every capture in testdata: no name that tshark reads
// may be missing, and none may be invented.
func TestNamesAgreeWithTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed: the names are not held against another decoder's")
	}
	files, err := filepath.Glob("testdata/*.pcap")
	if err != nil || len(files) < len(wanted) {
		t.Fatalf("%d captures, %v", len(files), err)
	}
	theirs, ours, both := 0, 0, 0
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		seen, _, err := read(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		truth := tsharkNames(t, tshark, name)
		theirs, ours = theirs+len(truth), ours+len(seen)
		for _, n := range truth {
			if slices.Contains(seen, n) {
				both++
			} else {
				t.Errorf("%s: tshark alone sees %q", name, n)
			}
		}
		for _, n := range seen {
			if !slices.Contains(truth, n) {
				if slices.Contains(knownBetter, n) {
					ours--
					continue
				}
				t.Errorf("%s: tshark does not see %q", name, n)
			}
		}
	}
	t.Logf("%d captures: tshark %d names, we %d, both %d", len(files), theirs, ours, both)
}

// tsharkNames returns "via name" for every name that tshark reads from a file.
func tsharkNames(t *testing.T, tshark, name string) []string {
	t.Helper()
	args := []string{"-n", "-r", name, "-o", "tcp.reassemble_out_of_order:TRUE", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,"}
	for _, f := range []string{"frame.protocols", "dns.qry.name", "tls.handshake.extensions_server_name", "http.host"} {
		args = append(args, "-e", f)
	}
	out, err := exec.CommandContext(t.Context(), tshark, args...).Output()
	if err != nil {
		t.Fatalf("running tshark on %s: %v", name, err)
	}
	var found []string
	put := func(via, names string) {
		for n := range strings.SplitSeq(names, ",") {
			n, _, _ = strings.Cut(strings.ToLower(n), ":")
			if what := via + " " + n; n != "" && !slices.Contains(found, what) {
				found = append(found, what)
			}
		}
	}
	for line := range bytes.Lines(out) {
		col := strings.Split(strings.TrimRight(string(line), "\r\n"), "\t")
		if len(col) < 4 {
			continue
		}
		put("dns", col[1])
		if strings.Contains(col[0], "quic") {
			put("quic", col[2])
		} else {
			put("tls", col[2])
		}
		put("http", col[3])
	}
	return found
}
