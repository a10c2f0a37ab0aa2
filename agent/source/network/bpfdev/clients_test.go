package bpfdev

import (
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/bpf"

	"safelight/agent/source/network/decode"
	"safelight/agent/source/network/filter"
)

// captured are the Ethernet frames of a capture file (pcap, little-endian), and the
// address that sent most of them: the client's.
func captured(t *testing.T, path string) (frames [][]byte, mac []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const head, each = 24, 16
	le := binary.LittleEndian
	if le.Uint32(b) != 0xa1b2c3d4 || le.Uint32(b[20:]) != uint32(Ethernet) {
		t.Fatalf("%s is no capture of Ethernet frames", path)
	}
	sent := map[string]int{}
	for b = b[head:]; len(b) >= each; {
		n := le.Uint32(b[8:])
		f := b[each : each+n]
		frames = append(frames, f)
		sent[string(f[6:12])]++
		b = b[each+n:]
	}
	for from, n := range sent {
		if n > sent[string(mac)] {
			mac = []byte(from)
		}
	}
	return frames, mac
}

// names decodes what a source of packets hands over.
func names(source func(take func(packet []byte, at time.Time))) map[string]bool {
	all := map[string]bool{}
	d := decode.New(decode.Limits{Flows: 100, Bytes: 1 << 20}, decode.Hooks{
		Name: func(s *decode.Sighting) {
			if !s.Response {
				all[string(s.Via)+" "+s.Name] = true
			}
		},
	})
	source(func(packet []byte, at time.Time) { d.IP(0, packet, at) })
	d.Flush()
	return all
}

// filtered is what a device with the interface's program would hold of frames.
func filtered(t *testing.T, link Link, mac []byte, frames [][]byte) (kept [][]byte) {
	t.Helper()
	raw, err := Program(link, mac)
	if err != nil {
		t.Fatal(err)
	}
	program, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("the program holds instructions that nobody knows")
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		n, err := vm.Run(f)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			kept = append(kept, f[:min(n, len(f))])
		}
	}
	return kept
}

// From the frames that real clients sent to the names, as on a Mac's card and as
// in its tunnel: with the kernel's filter, its records, and reads of several.
func TestEveryNameThatRealClientsSendIsSeenOnACardAndInATunnel(t *testing.T) {
	files, err := filepath.Glob("../../replay/testdata/*.pcap")
	if err != nil || len(files) < 8 {
		t.Fatalf("found %v: %v", files, err)
	}
	dropped := 0
	for _, path := range files {
		frames, mac := captured(t, path)
		var inside [][]byte
		want := names(func(take func([]byte, time.Time)) {
			for i, f := range frames {
				kind := binary.BigEndian.Uint16(f[12:])
				if kind != 0x0800 && kind != 0x86dd {
					continue
				}
				take(f[14:], at.Add(time.Duration(i)*time.Millisecond))
				inside = append(inside, slices.Concat([]byte{2, 0, 0, 0}, f[14:]))
			}
		})
		for link, all := range map[Link][][]byte{Ethernet: frames, Null: inside} {
			kept := filtered(t, link, mac, all)
			dropped += len(all) - len(kept)
			header := map[Link]int{Ethernet: 14, Null: 4}[link]
			m := newMac("en0")
			m.links["en0"], m.size = link, 3*filter.Snap
			c := open(t, m, "")
			var read []byte
			for i, f := range kept {
				r := record(at.Add(time.Duration(i)*time.Millisecond), header, f, len(f))
				if len(read)+len(r)+recordAlign > m.size {
					m.live["en0"].queue = append(m.live["en0"].queue, read)
					read = nil
				}
				read = append(read, make([]byte, (4-len(read)%4)%4)...)
				read = append(read, r...)
			}
			m.live["en0"].queue = append(m.live["en0"].queue, read)
			got := names(func(take func([]byte, time.Time)) {
				for len(m.live["en0"].queue) > 0 {
					if err := c.Read(t.Context(), time.Second, take); err != nil {
						t.Fatal(err)
					}
				}
			})
			if len(want) == 0 || !maps.Equal(got, want) || c.Lost() != 0 {
				t.Errorf("%s, link %d: saw %v, want %v; lost %d", filepath.Base(path), link, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)), c.Lost())
			}
		}
	}
	if dropped < 100 {
		t.Errorf("the filter dropped %d frames of all: this test sees nothing of it", dropped)
	}
}
