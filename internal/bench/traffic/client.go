package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/net/dns/dnsmessage"
)

// hellos opens connections one after another. The server answers a byte that is
// no TLS and hangs up: that error is the plan.
func hellos(count int, addr string) error {
	for i := range count {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		err = tls.Client(c, &tls.Config{ServerName: name(i), MinVersion: tls.VersionTLS12}).Handshake()
		_ = c.Close()
		var op *net.OpError
		var record tls.RecordHeaderError
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, &op) && !errors.As(err, &record) {
			return err
		}
	}
	return nil
}

func name(i int) string { return fmt.Sprintf("n%d-%d.plain.example", os.Getpid(), i) }

// questions asks each name over a socket of its own, as resolvers do, and waits
// for the answer.
func questions(count int, addr string) error {
	buf := make([]byte, 512)
	for i := range count {
		c, err := net.Dial("udp", addr)
		if err != nil {
			return err
		}
		m := dnsmessage.Message{
			Header:    dnsmessage.Header{ID: uint16(i), RecursionDesired: true},
			Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name(i) + "."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
		}
		b, err := m.Pack()
		if err != nil {
			return err
		}
		if _, err := c.Write(b); err != nil {
			return err
		}
		if _, err := c.Read(buf); err != nil {
			return err
		}
		_ = c.Close()
	}
	return nil
}

// upload sends bytes over a connection that begins with a ClientHello and goes
// on with records of application data, as a TLS connection looks from outside.
func upload(bytes int, addr string) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	pipe, other := net.Pipe()
	go func() {
		_ = tls.Client(other, &tls.Config{ServerName: name(0), MinVersion: tls.VersionTLS12}).Handshake() // never ends
	}()
	hello := make([]byte, 4096)
	n, err := pipe.Read(hello)
	if err != nil {
		return err
	}
	_ = pipe.Close()
	if _, err := c.Write(hello[:n]); err != nil {
		return err
	}
	const record = 16384
	b := make([]byte, 5+record)
	copy(b, []byte{0x17, 3, 3, record >> 8, record & 0xff})
	for sent := 0; sent < bytes; sent += record {
		if _, err := c.Write(b); err != nil {
			return err
		}
	}
	return nil
}
