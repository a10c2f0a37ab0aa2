package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type pcapLine struct{ Time, Kind, Name, Via, Client, Server string }

func TestObserveReadsACapture(t *testing.T) {
	whole := filepath.Join("source", "replay", "testdata", "openssl.pcap")
	code, out, stderr := ask(t, "", "observe", "--pcap", whole)
	got := decodeLines[pcapLine](t, out)
	if code != 0 || stderr != "" || len(got) != 2 {
		t.Fatalf("status %d, %q, printed %q", code, stderr, out)
	}
	if first := got[0]; first.Kind != "domain" || first.Via != "tls" || first.Name != "openssl12.lab.example" || !strings.HasSuffix(first.Server, ":443") || first.Time == "" {
		t.Errorf("%+v", first)
	}
	b, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(t.TempDir(), "short.pcap")
	if err := os.WriteFile(short, b[:len(b)-7], 0o600); err != nil {
		t.Fatal(err)
	}
	code, again, stderr := ask(t, "", "observe", "--pcap", short)
	if code != 0 || again != out || !strings.Contains(stderr, "in the middle of a packet") {
		t.Errorf("cut short: status %d, %q, printed %q", code, stderr, again)
	}
}

// A capture with a request for an address and one for a helpline's site (G1).
func TestG01ObserveOfACaptureTellsNoHelpline(t *testing.T) {
	b := []byte("\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x65\x00\x00\x00")
	for i, host := range []string{"[2001:DB8::1]:80", "www.childline.org.uk"} {
		http := "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
		tcp := append([]byte{156, byte(i), 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x18, 4, 0, 0, 0, 0, 0}, http...)
		ip := append([]byte{0x45, 0, 0, byte(20 + len(tcp)), 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 7, 192, 0, 2, 1}, tcp...)
		n := byte(len(ip))
		b = append(append(b, 0, 0, 0, 0, 0, 0, 0, 0, n, 0, 0, 0, n, 0, 0, 0), ip...)
	}
	file := filepath.Join(t.TempDir(), "two.pcap")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, _ := ask(t, "", "observe", "--pcap", file)
	var names []string
	for _, l := range decodeLines[pcapLine](t, out) {
		names = append(names, l.Name)
	}
	if code != 0 || !slices.Equal(names, []string{"[2001:db8::1]"}) {
		t.Errorf("status %d, names %q", code, names)
	}
}
