package main

import (
	"context"
	"fmt"
	"io"
	"net"

	"golang.org/x/net/dns/dnsmessage"
)

// serve answers TCP ports 443 (a byte, then it hangs up) and 444 (it reads all
// that comes), and DNS questions on port 53.
func serve(ctx context.Context) error {
	var config net.ListenConfig
	hangUp, err := config.Listen(ctx, "tcp", ":443")
	if err != nil {
		return err
	}
	swallow, err := config.Listen(ctx, "tcp", ":444")
	if err != nil {
		return err
	}
	dns, err := config.ListenPacket(ctx, "udp", ":53")
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() {
		_, _, _ = hangUp.Close(), swallow.Close(), dns.Close()
	})
	go accept(hangUp, func(c net.Conn) {
		head := make([]byte, 5) // the whole hello: what is left unread makes a reset of the end
		if _, err := io.ReadFull(c, head); err == nil {
			_, _ = io.CopyN(io.Discard, c, int64(head[3])<<8|int64(head[4]))
			_, _ = c.Write([]byte{0x15})
		}
	})
	go accept(swallow, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	fmt.Println("ready")
	answer(dns)
	return nil
}

func accept(l net.Listener, handle func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return // closed
		}
		go func() {
			handle(c)
			_ = c.Close()
		}()
	}
}

func answer(conn net.PacketConn) {
	buf := make([]byte, 512)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return // closed
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:n]) != nil || len(m.Questions) == 0 {
			continue
		}
		m.Response = true
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 60},
			Body:   &dnsmessage.AResource{A: [4]byte{192, 0, 2, 9}},
		}}
		if b, err := m.Pack(); err == nil {
			_, _ = conn.WriteTo(b, from)
		}
	}
}
