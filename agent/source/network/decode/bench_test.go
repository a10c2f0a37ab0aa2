//go:build unix

package decode

import (
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// cpu reports the processor's time beside the clock's, which says little where
// others share the machine.
func cpu(b *testing.B) func() {
	b.Helper()
	b.ReportAllocs()
	before := spent(b)
	return func() { b.ReportMetric(float64(spent(b)-before)/float64(b.N), "cpu-ns/op") }
}

func spent(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkHello(b *testing.B) {
	d := New(Limits{}, Hooks{Name: func(*Sighting) {}})
	hello := helloFor(b, "www.example.org")
	first, s1, s2 := syn(client, server, 1), data(2, hello[:1448]), data(2+1448, hello[1448:])
	other := syn(client, server, 99)
	defer cpu(b)()
	for b.Loop() {
		d.Packet(Raw, first, start)
		d.Packet(Raw, s1, start)
		d.Packet(Raw, s2, start)
		d.Packet(Raw, other, start)
	}
}

func BenchmarkDNS(b *testing.B) {
	d := New(Limits{}, Hooks{Name: func(*Sighting) {}})
	q := udp4(asker, resolver, dnsQuestion(b, "www.example.org.", dnsmessage.TypeA))
	defer cpu(b)()
	for b.Loop() {
		d.Packet(Raw, q, start)
	}
}

// BenchmarkUpload is a segment of a flow whose hello was told, among a
// thousand such flows.
func BenchmarkUpload(b *testing.B) {
	d := New(Limits{}, Hooks{Name: func(*Sighting) {}})
	hello := helloFor(b, "www.example.org")
	var bulk [][]byte
	for i := range 1000 {
		from := addrPort(client, uint16(2000+i))
		d.Packet(Raw, syn(from, server, isn), start)
		d.Packet(Raw, tcp4(from, server, flagACK, isn+1, hello), start)
		bulk = append(bulk, tcp4(from, server, flagACK, isn+200_000, make([]byte, 1400)))
	}
	defer cpu(b)()
	for i := 0; b.Loop(); i++ {
		d.Packet(Raw, bulk[i/8%len(bulk)], start) // in runs, as segments come
	}
}

// BenchmarkDownload is a segment from a server.
func BenchmarkDownload(b *testing.B) {
	d := New(Limits{}, Hooks{Name: func(*Sighting) {}})
	d.Packet(Raw, syn(client, server, isn), start)
	bulk := tcp4(server, client, flagACK, 77, make([]byte, 1400))
	defer cpu(b)()
	for b.Loop() {
		d.Packet(Raw, bulk, start)
	}
}

func BenchmarkQUICTwoInitials(b *testing.B) {
	hello := quicHello(b, "www.example.org")
	one := fromClient(initialA(0, cryptoFrame(0, hello[:700]), make([]byte, 400)))
	two := fromClient(initialA(1, cryptoFrame(700, hello[700:]), make([]byte, 300)))
	d := New(Limits{}, Hooks{Name: func(*Sighting) {}})
	defer cpu(b)()
	for i := 0; b.Loop(); i++ {
		one[20], one[21] = byte(i>>8), byte(i) // another port
		two[20], two[21] = one[20], one[21]
		if i&0xffff == 0 {
			d.Flush()
		}
		d.Packet(Raw, one, start)
		d.Packet(Raw, two, start)
	}
}
