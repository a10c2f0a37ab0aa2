// Command lab is the far side, and some of the clients, of capture.sh: a DNS
// server that gives its own address for every name, and HTTP, TLS and QUIC
// servers that answer anybody. It is for private network namespaces only.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/net/dns/dnsmessage"
)

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: lab serve ADDRESS4 ADDRESS6 | lab go|quic1|quic2|retry|shared|pipeline NAME...")
	}
	names := os.Args[2:]
	switch os.Args[1] {
	case "serve":
		serve(netip.MustParseAddr(os.Args[2]), netip.MustParseAddr(os.Args[3]))
	case "go":
		for _, n := range names {
			if c, err := tls.Dial("tcp", n+":443", client()); err == nil {
				c.Close()
			}
		}
	case "quic1", "quic2":
		version := map[string]quic.Version{"quic1": quic.Version1, "quic2": quic.Version2}[os.Args[1]]
		for _, n := range names {
			dial(n+":443", version)
		}
	case "retry":
		for _, n := range names {
			dial(n+":4433", quic.Version1)
		}
	case "shared":
		shared(names)
	case "pipeline":
		pipeline(names)
	}
}

func client() *tls.Config { return &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h3"}} }

func dial(addr string, version quic.Version) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	c, err := quic.DialAddr(ctx, addr, client(), &quic.Config{Versions: []quic.Version{version}})
	if err != nil {
		log.Printf("%s: %v", addr, err)
		return
	}
	c.CloseWithError(0, "")
}

// shared opens several connections from one port.
func shared(names []string) {
	conn, err := net.ListenUDP("udp4", nil)
	if err != nil {
		log.Fatal(err)
	}
	t := &quic.Transport{Conn: conn}
	for _, n := range names {
		to, err := net.ResolveUDPAddr("udp4", n+":443")
		if err != nil {
			log.Fatal(err)
		}
		cfg := client()
		cfg.ServerName = n
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		if c, err := t.Dial(ctx, to, cfg, nil); err == nil {
			defer c.CloseWithError(0, "")
		}
		cancel()
	}
}

// pipeline sends requests for several hosts, with bodies, before any answer.
func pipeline(names []string) {
	c, err := net.Dial("tcp", names[0]+":80")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for i, n := range names {
		switch i % 3 {
		case 0:
			fmt.Fprintf(c, "GET / HTTP/1.1\r\nAccept: */*\r\nHost: %s\r\n\r\n", n)
		case 1:
			fmt.Fprintf(c, "POST / HTTP/1.1\r\nContent-Length: 5000\r\nHost: %s\r\n\r\n%05000d", n, 7)
		case 2:
			fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n%02000d\r\n0\r\n\r\n", n, 7)
		}
	}
	time.Sleep(300 * time.Millisecond)
}

func serve(v4, v6 netip.Addr) {
	cert := certificate()
	for _, a := range []netip.Addr{v4, v6} {
		go dnsUDP(a, v4, v6)
		go dnsTCP(a, v4, v6)
		go web(a)
		go secure(a, cert)
		go quicServer(a, 443, cert, false)
		go quicServer(a, 4433, cert, true)
	}
	fmt.Println("ready")
	select {}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func certificate() tls.Certificate {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"*.lab.example"},
	}
	return tls.Certificate{Certificate: [][]byte{must(x509.CreateCertificate(rand.Reader, t, t, key.Public(), key))}, PrivateKey: key}
}

func at(a netip.Addr, port uint16) string { return netip.AddrPortFrom(a, port).String() }

func web(a netip.Addr) {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	s := &http.Server{Addr: at(a, 80), Protocols: &protocols, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			_, _ = io.Copy(io.Discard, r.Body)
			fmt.Fprintln(w, "ok")
			return
		}
		far := must(net.Dial("tcp", at(a, 443)))
		near, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
		go io.Copy(far, near)
		go io.Copy(near, far)
	})}
	log.Fatal(s.ListenAndServe())
}

func secure(a netip.Addr, cert tls.Certificate) {
	l := must(tls.Listen("tcp", at(a, 443), &tls.Config{Certificates: []tls.Certificate{cert}}))
	log.Fatal(http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })))
}

func quicServer(a netip.Addr, port uint16, cert tls.Certificate, retry bool) {
	conn := must(net.ListenPacket("udp", at(a, port)))
	t := &quic.Transport{Conn: conn, VerifySourceAddress: func(net.Addr) bool { return retry }}
	l := must(t.Listen(&tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h3"}}, nil))
	for {
		if _, err := l.Accept(context.Background()); err != nil {
			log.Fatal(err)
		}
	}
}

func dnsUDP(a, v4, v6 netip.Addr) {
	conn := must(net.ListenPacket("udp", at(a, 53)))
	buf := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			log.Fatal(err)
		}
		if reply, err := answer(buf[:n], v4, v6); err == nil {
			_, _ = conn.WriteTo(reply, from)
		}
	}
}

func dnsTCP(a, v4, v6 netip.Addr) {
	l := must(net.Listen("tcp", at(a, 53)))
	for {
		c := must(l.Accept())
		go func() {
			defer c.Close()
			for {
				var size [2]byte
				if _, err := io.ReadFull(c, size[:]); err != nil {
					return
				}
				msg := make([]byte, int(size[0])<<8|int(size[1]))
				if _, err := io.ReadFull(c, msg); err != nil {
					return
				}
				reply, err := answer(msg, v4, v6)
				if err != nil {
					return
				}
				_, _ = c.Write(append([]byte{byte(len(reply) >> 8), byte(len(reply))}, reply...))
			}
		}()
	}
}

// answer gives the server's own address for every name, by way of an alias for
// names that begin with "alias".
func answer(msg []byte, v4, v6 netip.Addr) ([]byte, error) {
	var p dnsmessage.Parser
	h, err := p.Start(msg)
	if err != nil {
		return nil, err
	}
	q, err := p.Question()
	if err != nil {
		return nil, err
	}
	h.Response, h.RecursionAvailable = true, true
	m := dnsmessage.Message{Header: h, Questions: []dnsmessage.Question{q}}
	head := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 60}
	name := q.Name.String()
	if len(name) > 5 && name[:5] == "alias" {
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("edge.lab.example.")}})
		head.Name = dnsmessage.MustNewName("edge.lab.example.")
	}
	switch {
	case len(name) > 4 && name[:4] == "gone":
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: v4.As4()}})
	case q.Type == dnsmessage.TypeAAAA:
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: v6.As16()}})
	}
	return m.Pack()
}
