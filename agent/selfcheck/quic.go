package selfcheck

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"safelight/agent/source/network/initial"
)

const (
	quicPort = "443"
	// quicSize is of each datagram (RFC 9000, 14.1: at least so much), quicHead of
	// what stands before a packet's number.
	quicSize   = 1200
	quicHead   = 18
	quicFrames = quicSize - quicHead - initial.NumberSize - initial.TagSize
	cryptoHead = 5 // of a CRYPTO frame
	maxHello   = 1 << 14
)

// connectFar says a name as the beginning of a QUIC connection to an address, at
// the port where browsers would.
func connectFar(ctx context.Context, address, name string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("saying a name over QUIC: %w", err)
	}
	return connect(ctx, net.JoinHostPort(host, quicPort), name)
}

// connect begins QUIC as a browser would and hangs up: whoever is there has no
// certificate for the name. It knows of nobody who did not hear it, and waits for
// no answer.
func connect(ctx context.Context, address, name string) error {
	datagrams, err := quicDatagrams(ctx, name)
	if err != nil {
		return fmt.Errorf("saying a name over QUIC: %w", err)
	}
	c, err := new(net.Dialer).DialContext(ctx, "udp", address)
	if err != nil {
		return fmt.Errorf("saying a name over QUIC: %w", err)
	}
	defer c.Close()
	for _, d := range datagrams {
		// A failure may be what came of the datagram before, where nobody listens.
		if _, err := c.Write(d); err != nil {
			if _, err = c.Write(d); err != nil {
				return fmt.Errorf("saying a name over QUIC: %w", err)
			}
		}
	}
	return nil
}

// connectHere says it to a port of this check's own, which reads nothing: a source
// sees it on its way.
func connectHere(ctx context.Context, name string) error {
	l, err := new(net.ListenConfig).ListenPacket(ctx, "udp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening on loopback: %w", err)
	}
	defer l.Close()
	return connect(ctx, l.LocalAddr().String(), name)
}

// quicDatagrams are a client's first (RFC 9000, 17.2.2): a hello with the name, in
// as many as it takes, for one with a post-quantum key does not fit the first; and
// one that ends the connection, so that whoever is there keeps nothing of it.
func quicDatagrams(ctx context.Context, name string) ([][]byte, error) {
	hello, err := quicHello(ctx, name)
	if err != nil {
		return nil, err
	}
	id := make([]byte, 8)
	_, _ = rand.Read(id) // never fails (crypto/rand)
	keys := initial.SuiteOf(initial.V1).Derive(id)
	if keys == nil {
		return nil, errors.New("this system's cryptography makes no keys for it")
	}
	var all [][]byte
	add := func(frames []byte) {
		padded := make([]byte, quicFrames)
		copy(padded, frames)
		all = append(all, keys.Seal(quicHeader(id), uint32(len(all)), padded))
	}
	for at := 0; at < len(hello); at += quicFrames - cryptoHead {
		add(cryptoFrame(at, hello[at:min(len(hello), at+quicFrames-cryptoHead)]))
	}
	add([]byte{0x1c, 0, 0, 0}) // CONNECTION_CLOSE: no error, of no frame, without a word (RFC 9000, 19.19)
	return all, nil
}

// quicHeader is an Initial's, up to its number: version 1, the id that the client
// chose for the server, none of its own, no token, and how much follows.
func quicHeader(id []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0xc0 | initial.NumberSize - 1}, initial.V1)
	b = append(append(b, byte(len(id))), id...)
	b = append(b, 0, 0)
	return appendVarint(b, initial.NumberSize+quicFrames+initial.TagSize)
}

func cryptoFrame(at int, data []byte) []byte {
	return append(appendVarint(appendVarint([]byte{0x06}, at), len(data)), data...)
}

// appendVarint writes a number under maxHello in two bytes (RFC 9000, 16).
func appendVarint(b []byte, n int) []byte {
	return binary.BigEndian.AppendUint16(b, 0x4000|uint16(n))
}

// quicHello is the TLS message that begins the connection.
func quicHello(ctx context.Context, name string) ([]byte, error) {
	c := tls.QUICClient(&tls.QUICConfig{TLSConfig: &tls.Config{ServerName: name, MinVersion: tls.VersionTLS13, NextProtos: []string{"h3"}}})
	defer c.Close() // it says that it was not finished, which it was not to be
	c.SetTransportParameters(quicParameters())
	if err := c.Start(ctx); err != nil {
		return nil, err
	}
	var hello []byte
	for e := c.NextEvent(); e.Kind != tls.QUICNoEvent; e = c.NextEvent() {
		if e.Kind == tls.QUICWriteData && e.Level == tls.QUICEncryptionLevelInitial {
			hello = append(hello, e.Data...)
		}
	}
	if len(hello) == 0 || len(hello) >= maxHello {
		return nil, fmt.Errorf("the TLS hello has %d bytes", len(hello))
	}
	return hello, nil
}

// quicParameters are what a client says of itself (RFC 9000, 18.2): how long it
// stays, how much it takes, and that it chose no connection id.
func quicParameters() []byte {
	var b []byte
	for _, p := range []struct {
		id    byte
		value int
	}{{0x01, 10_000}, {0x04, 16_000}, {0x05, 16_000}, {0x06, 16_000}, {0x07, 16_000}, {0x08, 8}, {0x09, 8}} {
		b = appendVarint(append(b, p.id, 2), p.value)
	}
	return append(b, 0x0f, 0)
}
